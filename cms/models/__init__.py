"""What we say: pictures, the brand, messages and pages."""

from cms.models.brand import BrandKit
from cms.models.changes import SiteChange
from cms.models.messages import Message
from cms.models.pages import ArticlePage, ContentPage, HomePage, PromotionPage, SitePage, TopicPage, TutorialPage
from cms.models.pictures import Picture, PictureRendition

__all__ = [
    "ArticlePage",
    "BrandKit",
    "ContentPage",
    "HomePage",
    "Message",
    "Picture",
    "PictureRendition",
    "PromotionPage",
    "SiteChange",
    "SitePage",
    "TopicPage",
    "TutorialPage",
]
