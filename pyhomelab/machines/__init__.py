"""The machines of an inventory as they are addressed: by ssh, and by those who name them."""
