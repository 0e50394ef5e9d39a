"""The screens of publishing, one file per noun."""
