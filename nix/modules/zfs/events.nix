# What ZED, the daemon that hears of failing disks, does about it.
{ config, lib, ... }:
let
  cfg = config.homelab.zfs;
  mails = cfg.mailTo != null;
in
{
  config = lib.mkIf cfg.enable {
    services.zfs.zed = {
      settings = lib.mkMerge [
        # What a resilver did not read may have rotted unnoticed; find out while the other copies are still good.
        { ZED_SCRUB_AFTER_RESILVER = lib.mkDefault true; }
        (lib.mkIf mails {
          ZED_EMAIL_ADDR = [ cfg.mailTo ];
          # Good news as well: with mails about errors only, a mail that does not arrive looks like a healthy pool.
          ZED_NOTIFY_VERBOSE = lib.mkDefault true;
          # A disk that dies slowly makes thousands of events.
          ZED_NOTIFY_INTERVAL_SECS = lib.mkDefault 3600;
        })
      ];
    };
  };
}
