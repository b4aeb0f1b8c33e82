"""The definition of Thalweg: spec, fixed-point arithmetic, reference model, skeletons and devices."""
