"""Text in and out, whatever it is about: YAML with places, Nix, sentences, what others said."""
