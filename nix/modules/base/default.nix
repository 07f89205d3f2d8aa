# What every machine of a lab has in common: who may log in, the clock, updates, and how it comes back by itself.
{
  imports = [
    ./options.nix
  ];
}
