"""The made-up shop of `longtail data synth`."""
