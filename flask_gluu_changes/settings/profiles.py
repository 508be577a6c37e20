"""The names that Gluu Server and its successor Janssen use, and where they differ."""

from __future__ import annotations

from collections.abc import Mapping

from ..values import AttributeType

PERSON_TYPES: Mapping[str, AttributeType] = {
    "updatedAt": AttributeType.GENERALIZED_TIME,
    "oxCreationTimestamp": AttributeType.GENERALIZED_TIME,
    "jansCreationTimestamp": AttributeType.GENERALIZED_TIME,
    "modifyTimestamp": AttributeType.GENERALIZED_TIME,
    "createTimestamp": AttributeType.GENERALIZED_TIME,
    "oxLastLogonTime": AttributeType.GENERALIZED_TIME,
    "oxPasswordExpirationDate": AttributeType.GENERALIZED_TIME,
    "jansLastLogonTime": AttributeType.GENERALIZED_TIME,
    "jansPassExpDate": AttributeType.GENERALIZED_TIME,
    "birthdate": AttributeType.GENERALIZED_TIME,
    "gluuSLAManager": AttributeType.BOOLEAN,
    "oxTrustActive": AttributeType.BOOLEAN,
    "jansActive": AttributeType.BOOLEAN,
    "emailVerified": AttributeType.BOOLEAN,
    "phoneNumberVerified": AttributeType.BOOLEAN,
    "userCertificate": AttributeType.CERTIFICATE,
    "jpegPhoto": AttributeType.PHOTO,
}
"""Types of a person's attributes that are no strings, for stores that register none."""

DEFAULT_PROFILE = "gluu"

PROFILES: Mapping[str, Mapping[str, object]] = {
    "gluu": {
        "url_prefix": "/identity/restv1/scim",
        "documents_prefix": "/identity/scim",
        "time_attributes": ("updatedAt", "oxCreationTimestamp"),
        "ldap_base_dn": "ou=people,o=gluu",
        "ldap_attributes_dn": "ou=attributes,o=gluu",
        "ldap_object_class": "gluuPerson",
        "sql_table": "gluuPerson",
        "sql_attributes_table": "gluuAttribute",
        "scope": ("https://gluu.org/scim/users.read",),
    },
    "janssen": {
        "url_prefix": "/jans-scim/restv1/v2",
        "documents_prefix": "/jans-scim",
        "time_attributes": ("updatedAt", "jansCreationTimestamp"),
        "ldap_base_dn": "ou=people,o=jans",
        "ldap_attributes_dn": "ou=attributes,o=jans",
        "ldap_object_class": "jansPerson",
        "sql_table": "jansPerson",
        "sql_attributes_table": "jansAttr",
        "scope": ("https://jans.io/scim/users.read",),
    },
}
"""Paths, time attributes, directory layout and scope of each product, by setting."""
