//! Okta's System Log.

use serde_json::{Value, json};

use super::catalogue::Place;
use super::{
    Deed, Factor, Outcome, Person, SignIn, Vendor, derived, key_text, name_id, time_with_fraction,
};
use crate::activity::{Event, uuid};

pub(in super::super) static VENDOR: Vendor = Vendor {
    prefix: "OKTA",
    names_are_addresses: true,
    applications: &[
        "Google Workspace",
        "Slack",
        "Salesforce",
        "Zoom",
        "Atlassian Cloud",
        "Workday",
        "GitHub Enterprise",
        "AWS IAM Identity Center",
        "DocuSign",
        "Zendesk",
    ],
    privileged: &[
        "user.session.access_admin_app",
        "user.account.privilege.grant",
        "user.mfa.factor.deactivate",
        "system.api_token.create",
        "group.user_membership.add",
        "application.user_membership.add",
    ],
    record,
};

fn record(person: &Person, event: &Event<SignIn>) -> Value {
    let SignIn { deed, outcome, ref from, factor, session } = event.what;
    let (event_type, message) = what(deed, outcome);
    let (result, reason) = result(outcome);
    let device = &from.device;
    let geography = geography(from.place);
    json!({
        "actor": {
            "id": format!("00u{}", key_text(person.id, 17)),
            "type": "User",
            "alternateId": person.address,
            "displayName": person.name,
            "detailEntry": null,
        },
        "client": {
            "userAgent": {
                "rawUserAgent": device.agent(),
                "os": device.system.okta,
                "browser": device.browser.okta,
            },
            "zone": "null",
            "device": if device.system.mobile { "Mobile" } else { "Computer" },
            "id": null,
            "ipAddress": &*from.address,
            "geographicalContext": geography,
        },
        "device": null,
        "authenticationContext": {
            "authenticationProvider": null,
            "credentialProvider": null,
            "credentialType": credential(deed, factor),
            "issuer": null,
            "interface": null,
            "authenticationStep": u8::from(matches!(deed, Deed::Prove(_))),
            "externalSessionId": format!("102{}", key_text(session, 18)),
        },
        "displayMessage": message,
        "eventType": event_type,
        "outcome": {"result": result, "reason": reason},
        "published": time_with_fraction(event, 3),
        "securityContext": {
            "asNumber": from.network.number,
            "asOrg": from.network.provider,
            "isp": from.network.provider,
            "domain": "example.net",
            "isProxy": from.network.proxy,
        },
        "severity": if outcome == Outcome::Success { "INFO" } else { "WARN" },
        "debugContext": {
            "debugData": {"requestId": key_text(derived(event.id, 1), 18), "requestUri": uri(deed)},
        },
        "transaction": {"type": "WEB", "id": key_text(derived(event.id, 1), 18), "detail": {}},
        "uuid": uuid(event.id),
        "version": "0",
        "request": {
            "ipChain": [{
                "ip": &*from.address,
                "geographicalContext": geography,
                "version": "V4",
                "source": null,
            }],
        },
        "target": target(person, deed),
    })
}

/// Type and message of an event.
fn what(deed: Deed, outcome: Outcome) -> (&'static str, &'static str) {
    match deed {
        _ if outcome == Outcome::Refused => {
            ("policy.evaluate_sign_on", "Evaluation of sign-on policy")
        }
        Deed::Begin(_) => ("user.session.start", "User login to Okta"),
        Deed::Prove(_) => ("user.authentication.auth_via_mfa", "Authentication of user via MFA"),
        Deed::Enter(_) => ("user.authentication.sso", "User single sign on to app"),
        Deed::Administer(task) => (task, "Administrative action"),
    }
}

fn result(outcome: Outcome) -> (&'static str, Option<&'static str>) {
    match outcome {
        Outcome::Success => ("SUCCESS", None),
        Outcome::WrongPassword => ("FAILURE", Some("INVALID_CREDENTIALS")),
        Outcome::NoAnswer => ("FAILURE", Some("Okta Verify push was not answered in time")),
        Outcome::Refused => ("DENY", Some("Sign-on policy evaluation resulted in DENY")),
    }
}

/// Of the types that Okta lists; approvals have none.
fn credential(deed: Deed, factor: Factor) -> Option<&'static str> {
    match (deed, factor) {
        (Deed::Begin(_), _) => Some("PASSWORD"),
        (Deed::Prove(_), Factor::Passcode | Factor::BypassCode) => Some("OTP"),
        (Deed::Prove(_), _) => None,
        (Deed::Enter(_) | Deed::Administer(_), _) => Some("OKTA_CLIENT_SESSION"),
    }
}

fn geography(Place { country, city }: Place) -> Value {
    json!({
        "city": city.name,
        "state": city.state,
        "country": country.name,
        "postalCode": null,
        "geolocation": {
            "lat": f64::from(city.latitude) / 100.0,
            "lon": f64::from(city.longitude) / 100.0,
        },
    })
}

fn uri(deed: Deed) -> &'static str {
    match deed {
        Deed::Begin(_) => "/api/v1/authn",
        Deed::Prove(_) => "/api/v1/authn/factors/verify",
        Deed::Enter(_) => "/app/sso/saml",
        Deed::Administer(_) => "/admin",
    }
}

/// What it was done to: an application, or the user.
fn target(person: &Person, deed: Deed) -> Value {
    let (kind, name) = match deed {
        Deed::Enter(name) => ("AppInstance", name),
        _ => ("User", person.address.as_str()),
    };
    json!([{
        "id": format!("0oa{}", key_text(name_id(name), 17)),
        "type": kind,
        "alternateId": name,
        "displayName": name,
        "detailEntry": null,
    }])
}
