"""The hanging rules that come with teleread, in the form a reader writes their own (`hanging`)."""

from __future__ import annotations

from typing import Final

__all__ = ["DEFAULT_HANGING"]

DEFAULT_HANGING: Final = """
[[rule]]
name = "mammography with prior"
modality = "MG"
prior = true
series = 2
layout = 6
link = false
tiles = [
  {view = "RCC"}, {view = "LCC"}, {study = "prior", view = "RCC"},
  {view = "RMLO"}, {view = "LMLO"}, {study = "prior", view = "RMLO"},
]
why = "Mammography with a prior: CC above, MLO below, the prior at the right."

[[rule]]
name = "mammography"
modality = "MG"
layout = 4
link = false
tiles = [{view = "RCC"}, {view = "LCC"}, {view = "RMLO"}, {view = "LMLO"}]
why = "Mammography: CC above, MLO below, the right breast on the left."

[[rule]]
name = "MR brain"
modality = "MR"
body_part = ["brain", "head", "cran", "kopf"]
series = 4
layout = 4
tiles = [
  {description = ["dwi", "diff", "trace", "adc", "b1000"]},
  {description = ["flair", "dark-fluid", "darkfluid"]},
  {description = "t2"},
  {description = "t1"},
]
why = "MR of the head in several sequences: diffusion, FLAIR, T2, T1."

[[rule]]
name = "PET with CT"
modality = "PT"
series = 2
layout = 2
tiles = [{modality = "CT", window = "soft"}, {modality = "PT"}]
why = "PET with its CT: CT left, PET right."

[[rule]]
name = "CT with prior"
modality = "CT"
prior = true
layout = 2
tiles = [{order = "thinnest"}, {study = "prior", order = "thinnest"}]
why = "CT with a comparable prior: now left, prior right, linked by position."

[[rule]]
name = "CT chest"
modality = "CT"
body_part = ["chest", "thorax", "lung"]
prior = false
series = 2
layout = 2
tiles = [
  {description = ["lung", "b70", "b60", "sharp"], window = "lung"},
  {description = ["soft", "medias", "b30", "b31", "std"], window = "mediastinum"},
]
why = "CT of the chest without a prior: lung left, mediastinum right."

[[rule]]
name = "CT"
modality = "CT"
tiles = [{order = "thinnest"}]
why = "CT without a prior: its thinnest series."

[[rule]]
name = "MR with prior"
modality = "MR"
prior = true
layout = 2
tiles = [{}, {study = "prior"}]
why = "MR with a comparable prior: now left, prior right."

[[rule]]
name = "MR"
modality = "MR"
series = 2
layout = 2
tiles = [{}, {}]
why = "MR: its two largest series."

[[rule]]
name = "radiograph with prior"
modality = ["CR", "DX", "RG", "PX", "IO"]
prior = true
layout = 2
link = false
tiles = [{order = "first"}, {study = "prior", order = "first"}]
why = "A radiograph with a comparable prior: now left, prior right."

[[rule]]
name = "radiograph in two views"
modality = ["CR", "DX", "RG", "PX", "IO"]
series = 2
layout = 2
link = false
tiles = [{order = "first"}, {order = "first"}]
why = "A radiograph in several views: the first two."

[[rule]]
name = "with prior"
prior = true
layout = 2
tiles = [{}, {study = "prior"}]
why = "There is a comparable prior: now left, prior right."

[[rule]]
name = "everything else"
why = "No other rule is for this study: its largest series."
"""
"""Tried behind the reader's own; the last is for anything."""
