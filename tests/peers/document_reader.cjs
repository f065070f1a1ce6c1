// dcmjs, the reader of OHIF, over a folder of DICOM documents: prints one JSON line a file, what it read in it.
// node document_reader.cjs FOLDER-OF-NODE_MODULES FOLDER
"use strict";
const { createHash } = require("crypto");
const fs = require("fs");
const path = require("path");
const [modules, folder] = process.argv.slice(2);
const dcmjs = require(path.join(path.resolve(modules), "dcmjs"));

const list = (value) => (value === undefined ? [] : Array.isArray(value) ? value : [value]);
const code = (sequence) => {
  const [one] = list(sequence);
  return one === undefined ? null : [one.CodeValue ?? one.LongCodeValue, one.CodingSchemeDesignator, one.CodeMeaning];
};
const person = (name) => list(name).map((one) => (typeof one === "object" ? one.Alphabetic : one)).join("");

function valueOf(item) {
  switch (item.ValueType) {
    case "TEXT":
      // dcmjs parts UT at backslashes, which are letters there (PS3.5 6.2)
      return list(item.TextValue).join("\\");
    case "CODE":
      return code(item.ConceptCodeSequence);
    case "PNAME":
      return person(item.PersonName);
    case "NUM": {
      const [measured] = list(item.MeasuredValueSequence);
      return [Number(measured.NumericValue), code(measured.MeasurementUnitsCodeSequence)];
    }
    case "IMAGE":
    case "COMPOSITE": {
      const [one] = list(item.ReferencedSOPSequence);
      return [one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID];
    }
    default:
      return null;
  }
}

function* walk(sequence, depth) {
  for (const item of list(sequence)) {
    yield [depth, item.RelationshipType ?? "", item.ValueType, code(item.ConceptNameCodeSequence), valueOf(item)];
    yield* walk(item.ContentSequence, depth + 1);
  }
}

for (const file of fs.readdirSync(folder).filter((one) => one.endsWith(".dcm")).sort()) {
  try {
    const bytes = fs.readFileSync(path.join(folder, file));
    const whole = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    const message = dcmjs.data.DicomMessage.readFile(whole);
    const ds = dcmjs.data.DicomMetaDictionary.naturalizeDataset(message.dict);
    const [document] = list(ds.EncapsulatedDocument);
    const held = document === undefined ? null : Buffer.from(document).subarray(0, ds.EncapsulatedDocumentLength);
    console.log(
      JSON.stringify({
        file,
        modality: ds.Modality,
        study: ds.StudyInstanceUID,
        instance: ds.SOPInstanceUID,
        patient: person(ds.PatientName),
        title: code(ds.ConceptNameCodeSequence),
        items: [...walk(ds.ContentSequence, 1)],
        document: held === null ? null : createHash("sha256").update(held).digest("hex"),
      }),
    );
  } catch (error) {
    console.log(JSON.stringify({ file, problem: String(error) }));
  }
}
