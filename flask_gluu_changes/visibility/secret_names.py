"""Which attributes are secrets: by the names that schemas give them, by their words, by their kind.

A name is looked up without anything but its letters and digits, so that a column `user_password`
counts as `userPassword` does. Names of no known schema count by the words in them. Neither rule
sees values.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b

SCHEMAS: Mapping[str, str] = {
    "Gluu and Janssen": (
        "secretQuestion secretAnswer oxOTPCache oxOTPDevices oxEnrollmentCode userRandomKey"
        " oxAuthPersistentJWT gluuIMAPData oxCountInvalidLogin oxAuthBackchannelUserCode"
        " oxAuthBackchannelDeviceRegistrationToken oxDuoDevices oxBiometricDevices jansOTPCache"
        " jansOTPDevices jansEnrollmentCode jansPersistentJWT jansIMAPData jansCountInvalidLogin"
        " jansBackchannelUsrCode jansBackchannelDeviceRegistrationTkn jansDuoDevices"
        " jansBiometricDevices"
    ),
    "RFC 2256, RFC 2798, RFC 3112": "userPassword userPKCS12 authPassword",
    "password policy, as in OpenLDAP and OpenDJ": (
        "pwdHistory pwdChangedTime pwdAccountLockedTime pwdFailureTime pwdGraceUseTime pwdReset"
        " pwdPolicySubentry pwdStartTime pwdEndTime pwdLastSuccess pwdAccountTmpLockoutEnd"
        " pwdUniqueAttempts ds-pwp-password-history ds-pwp-reset-time ds-pwp-auth-failure"
        " ds-pwp-password-changed-by-required-time"
    ),
    "389 Directory Server": (
        "passwordHistory passwordRetryCount passwordExpWarned passwordExpirationTime"
        " passwordAllowChangeTime passwordGraceUserTime retryCountResetTime accountUnlockTime"
        " unhashed#user#password nsSymmetricKey"
    ),
    "FreeIPA": (
        "ipaNTHash ipatokenOTPkey ipatokenRadiusSecret ipatokenHOTPcounter ipatokenTOTPwatermark"
        " ipaNTTrustAuthIncoming ipaNTTrustAuthOutgoing ipaPrivateKey ipaSecretKey ipaVaultSalt"
    ),
    "Samba": (
        "sambaNTPassword sambaLMPassword sambaPasswordHistory sambaClearTextPassword"
        " sambaPreviousClearTextPassword ntPassword lmPassword"
    ),
    "Active Directory": (
        "unicodePwd dBCSPwd ntPwdHistory lmPwdHistory supplementalCredentials unixUserPassword"
        " msSFU30Password msDS-ManagedPassword ms-Mcs-AdmPwd msLAPS-Password"
        " msLAPS-EncryptedPassword msLAPS-EncryptedPasswordHistory msLAPS-EncryptedDSRMPassword"
        " msLAPS-EncryptedDSRMPasswordHistory msFVE-RecoveryPassword msFVE-KeyPackage"
        " msTPM-OwnerInformation initialAuthIncoming initialAuthOutgoing trustAuthIncoming"
        " trustAuthOutgoing pekList"
    ),
    "Kerberos, of MIT and Heimdal": "krbPrincipalKey krbMKey krbPwdHistory krbExtraData krb5Key",
    "RADIUS": (
        "radiusTunnelPassword radiusClientSecret radiusCheckItem radiusControlAttribute"
        " radiusReplyItem radiusReplyAttribute"
    ),
    "eDirectory": (
        "nspmPassword nspmDistributionPassword nspmPasswordHistory nspmPasswordKey sasLoginSecret"
        " sasLoginConfiguration passwordsUsed"
    ),
    "one-time passwords": (
        "oathSecret oathHOTPCounter oathTOTPLastTimeStep oathEncKey totpSecret"
        " totpEnrolledSecret googleAuthenticatorSecret otpSecret otpSeed otpKey motpPIN"
    ),
    "mail and telephony": "clearPassword goFonPIN goFonVoicemailPIN",
}
"""The secrets among a person's attributes, by the schemas that they come from."""

OIDS: Mapping[str, str] = {
    "2.5.4.35": "userPassword",
    "2.16.840.1.113730.3.1.216": "userPKCS12",
    "1.3.6.1.4.1.4203.1.3.4": "authPassword",
    "2.16.840.1.113730.3.8.16.1.8": "ipatokenOTPkey",
    "1.3.6.1.4.1.7165.2.1.24": "sambaLMPassword",
    "1.3.6.1.4.1.7165.2.1.25": "sambaNTPassword",
    "1.3.6.1.4.1.7165.2.1.54": "sambaPasswordHistory",
    "1.2.840.113556.1.4.90": "unicodePwd",
    "1.2.840.113556.1.4.55": "dBCSPwd",
    "1.2.840.113556.1.4.94": "ntPwdHistory",
    "1.2.840.113556.1.4.160": "lmPwdHistory",
    "1.2.840.113556.1.4.125": "supplementalCredentials",
    "2.16.840.1.113719.1.301.4.39.1": "krbPrincipalKey",
    "1.3.6.1.4.1.5322.10.1.10": "krb5Key",
    "1.3.6.1.4.1.3317.4.3.1.37": "radiusTunnelPassword",
    "1.3.6.1.4.1.5427.1.389.4226.4.1": "oathSecret",
}
"""By which a server without their schema names them."""

POLICY_ARC = "1.3.6.1.4.1.42.2.27.8.1."
"""Above everything of the password policy (draft-behera-ldap-password-policy)."""

PASSWORD_SYNTAXES = frozenset(
    {
        "1.3.6.1.4.1.4203.1.1.2",  # RFC 3112
        "1.3.6.1.4.1.26027.1.3.1",  # OpenDJ's "User Password"
        "1.2.840.113549.1.8.1.1",  # private keys, PKCS #8
    }
)

PASSWORD_RULES = frozenset(
    {
        "authpasswordexactmatch",
        "authpasswordmatch",
        "1.3.6.1.4.1.4203.1.2.2",
        "1.3.6.1.4.1.4203.1.2.3",
        "ds-mr-user-password-exact",
        "ds-mr-user-password-equality",
        "1.3.6.1.4.1.26027.1.4.2",
        "1.3.6.1.4.1.26027.1.4.3",
    }
)
"""By which passwords are compared."""

_OCTETS = frozenset({"1.3.6.1.4.1.1466.115.121.1.40", "1.3.6.1.4.1.1466.115.121.1.5"})

# not in `secretary`, which RFC 2798 has
_WORDS = re.compile(
    "passw(or)?d|passphrase|passcode|pwd|secret(?!ar)|private[_-]?key|credential|api[_-]?key"
    "|(access|refresh|api|auth)[_-]?token|(recovery|backup)[_-]?code|otp[_-]?(key|seed)"
    "|(pw|pass|nt|lm)[_-]?hash",
    re.IGNORECASE,
)
_ABOUT_THEM = re.compile(
    "(date|time|stamp|expir\\w*|changed?|set|_at|(?<!ac)count|policy|reference|allowed|required"
    "|reset|length|m(in|ax)_?age|warned|enabled|status|algorithm|type)$",
    re.IGNORECASE,
)
"""The ends of names that tell of a secret without holding it, as oxPasswordExpirationDate does."""

_WORDS_OF_OCTETS = re.compile("key|hash|otp|seed|salt", re.IGNORECASE)
_PUBLIC = re.compile("pub|cert", re.IGNORECASE)


def _plain(name: str) -> str:
    return re.sub("[^0-9a-z]", "", name.lower())


NAMES = tuple(name for names in SCHEMAS.values() for name in names.split())
_PLAIN_NAMES = frozenset(map(_plain, NAMES))

RULES = blake2b(
    repr(
        (
            *(NAMES, sorted(OIDS), POLICY_ARC, sorted(PASSWORD_SYNTAXES), sorted(PASSWORD_RULES)),
            *(rule.pattern for rule in (_WORDS, _ABOUT_THEM, _WORDS_OF_OCTETS, _PUBLIC)),
        )
    ).encode(),
    digest_size=8,
).hexdigest()
"""A digest of all that is decided here: a journal that was filled by other rules is filled anew."""


def known_names(shown: frozenset[str]) -> frozenset[str]:
    """Return the names and OIDs of known secrets in lower case, except those to be shown."""
    named = {*NAMES, *OIDS} - {name for oid, name in OIDS.items() if oid in shown}
    named -= {oid for oid, name in OIDS.items() if name.lower() in shown}
    return frozenset(map(str.lower, named)) - shown


@lru_cache(4096)
def is_secret(name: str) -> bool:
    """Return whether an attribute is a secret, by its name or OID without options."""
    if name.startswith(POLICY_ARC) or name in OIDS or _plain(name) in _PLAIN_NAMES:
        return True
    return bool(_WORDS.search(name)) and not _ABOUT_THEM.search(name)


def is_secret_kind(name: str, *, syntax: str, equality: str, operational: bool) -> bool:
    """Return whether a schema tells that an attribute is a secret, or the state of one.

    syntax, equality: the OID of its syntax, and the name or OID of its matching rule.
    """
    if syntax in PASSWORD_SYNTAXES or equality.lower() in PASSWORD_RULES:
        return True
    if operational and _WORDS.search(name):
        return True
    return syntax in _OCTETS and bool(_WORDS_OF_OCTETS.search(name)) and not _PUBLIC.search(name)
