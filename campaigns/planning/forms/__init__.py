"""What marketers fill in, by noun."""

from campaigns.planning.forms.campaigns import (
    AnchorForm,
    CampaignForm,
    OccasionForm,
    StageForm,
    TargetForm,
    target_words,
)
from campaigns.planning.forms.publications import PublicationForm

__all__ = [
    "AnchorForm",
    "CampaignForm",
    "OccasionForm",
    "PublicationForm",
    "StageForm",
    "TargetForm",
    "target_words",
]
