"""What a text must not carry into memory or a prompt: secrets, personal data, instructions."""
