"""What we say: pictures, the brand, messages and pages."""

from cms.models.brand import BrandKit
from cms.models.messages import Message
from cms.models.pictures import Picture, PictureRendition

__all__ = ["BrandKit", "Message", "Picture", "PictureRendition"]
