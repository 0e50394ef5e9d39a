"""One module per profile; `config.env.settings_module` chooses by ``ALMANAC_PROFILE``."""
