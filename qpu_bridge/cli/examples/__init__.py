"""Programs that users write. Copy them and change them."""
