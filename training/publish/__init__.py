"""From a calibrated model to a bundle in the store: manifest, golden vectors, card and pictures, tried before shown."""
