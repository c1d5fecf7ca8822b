"""The demo portal: organisations, accounts, a catalogue of samples, some invented files."""
