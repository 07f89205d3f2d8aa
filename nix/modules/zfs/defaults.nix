# Properties every pool's root dataset starts with.
{
  compression = "zstd";
  atime = "off"; # or every read becomes a write
  # The journal's access control lists need these; xattr=sa keeps them in the inode instead of hidden directories.
  acltype = "posixacl";
  xattr = "sa";
}
