"""The demo hub's other face: workitems by UPS-RS (PS3.18 chapter 11), over the same store."""
