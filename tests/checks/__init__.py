"""What each check asks, run for real: by a shell, with the real tools or with stand-ins that say what those say."""
