"""The definition of Thalweg: spec, arithmetic, reference model, skeletons, devices."""
