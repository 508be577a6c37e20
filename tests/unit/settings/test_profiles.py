"""What is a secret at Gluu is one at Janssen, which gave it another name."""

from __future__ import annotations

import pytest
from flask import Flask

from flask_gluu_changes import GluuChanges
from flask_gluu_changes.backends.memory import MemoryBackend
from flask_gluu_changes.settings.profiles import PROFILES

SECRETS = {
    "gluu": [
        "userPassword secretQuestion secretAnswer oxOTPCache oxOTPDevices oxEnrollmentCode",
        "userRandomKey oxAuthPersistentJWT gluuIMAPData oxCountInvalidLogin oxDuoDevices",
        "oxAuthBackchannelUserCode oxAuthBackchannelDeviceRegistrationToken oxBiometricDevices",
    ],
    "janssen": [
        "userPassword secretQuestion secretAnswer jansOTPCache jansOTPDevices jansEnrollmentCode",
        "jansPersistentJWT jansIMAPData jansCountInvalidLogin jansBackchannelUsrCode",
        "jansBackchannelDeviceRegistrationTkn",
    ],
}


@pytest.mark.parametrize("profile", PROFILES)
def test_no_profile_shows_a_secret(profile: str) -> None:
    """With no list of attributes set, none of a product's secrets is served."""
    names = " ".join(SECRETS[profile]).split()
    person = {name: ["x"] for name in names}
    person |= {"uid": ["a"], "inum": ["1"], "updatedAt": ["20240101000000Z"]}
    app = Flask(profile)
    app.config.update(TESTING=True, GLUU_CHANGES_PROTECTION="bypass", GLUU_CHANGES_PROFILE=profile)
    GluuChanges(app, backend=MemoryBackend([person]))
    path = f"{PROFILES[profile]['url_prefix']}/UpdatedUsers"
    query = {"timeStamp": "2020-01-01T00:00:00Z", "pagesize": "1"}
    (found,) = app.test_client().get(path, query_string=query).get_json()["results"]
    assert found.keys() == {"uid", "inum", "updatedAt"}
