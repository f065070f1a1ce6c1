"""What was said of earlier studies: made-up reports, in the words such reports use."""

from __future__ import annotations

from typing import Final

__all__ = ["CHEST_DONE", "CHEST_FILM", "CHEST_NODULES", "KNEE_FILM", "LIVER", "TRUNK_STONE"]

CHEST_NODULES: Final = """\
CT THORAX

Clinical information: Incidental nodule on chest film. Ex-smoker, 30 pack years.

Technique: Unenhanced, 2 mm.

Comparison: None.

Findings: Solid nodule of 6 mm in the right upper lobe, smooth. Second solid nodule of 4 mm in the left
lower lobe. No enlarged mediastinal or hilar nodes. No effusion. Heart size normal.

Conclusion: Two solid pulmonary nodules, 6 mm right upper lobe and 4 mm left lower lobe. Follow-up CT in
three months is advised (BTS guideline)."""

CHEST_FILM: Final = """\
XR CHEST

Findings: Heart size normal. Lungs clear. No effusion. Old healed fracture of the left sixth rib.

Conclusion: No acute abnormality."""

KNEE_FILM: Final = """\
XR KNEE LEFT

Findings: Mild narrowing of the medial compartment. Small marginal osteophytes. No effusion.

Conclusion: Early osteoarthritis of the left knee."""

TRUNK_STONE: Final = """\
CT URINARY TRACT

Findings: 4 mm calculus in the lower pole of the right kidney. No hydronephrosis. No ureteric calculus.

Conclusion: Non-obstructing 4 mm right renal calculus."""

LIVER: Final = """\
US ABDOMEN

Findings: Liver of normal size and echotexture. A 15 mm hyperechoic focus in segment 7, in keeping with a
haemangioma. Gallbladder, pancreas, kidneys and spleen normal.

Conclusion: Probable haemangioma in segment 7. CT suggested for confirmation."""

CHEST_DONE: Final = """\
XR CHEST

Clinical information: Pre-operative assessment.

Findings: Heart size at the upper limit of normal. Lungs and pleural spaces clear. No focal bone lesion.

Conclusion: No active chest disease."""
