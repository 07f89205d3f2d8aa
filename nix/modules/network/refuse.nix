# One failed assertion for each of `items` of which `isWrong` is true, with the machine's name before the message.
{ config, lib }:
items: isWrong: message:
map (item: {
  assertion = false;
  message = "homelab.network on ${config.networking.hostName}: ${message item}";
}) (lib.filter isWrong items)
