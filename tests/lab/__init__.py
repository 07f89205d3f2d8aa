"""Real test hosts: systemd as PID 1, sshd and Nix, each in namespaces of its own."""
