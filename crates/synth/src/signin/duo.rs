//! Duo, as version 2 of its Admin API lists authentications.

use serde_json::{Value, json};

use super::catalogue::Place;
use super::{
    Deed, Device, Factor, Outcome, Person, SignIn, Vendor, derived, key_text, name_id,
    time_with_fraction,
};
use crate::activity::{Event, uuid};

pub(in super::super) static VENDOR: Vendor = Vendor {
    prefix: "DUO",
    names_are_addresses: false,
    applications: &[
        "Company VPN",
        "Microsoft RDP",
        "Office 365",
        "Confluence",
        "Jira",
        "Salesforce",
        "GitLab",
        "Outlook Web App",
        "Unix SSH",
        "Payroll",
    ],
    privileged: &["Admin Panel", "Domain Controller RDP", "Vault", "Hypervisor Console"],
    record,
};

fn record(person: &Person, event: &Event<SignIn>) -> Value {
    let SignIn { deed, outcome, ref from, factor, .. } = event.what;
    let (result, reason) = result(deed, outcome, factor);
    let application = deed.name();
    json!({
        "access_device": access_device(&from.device, &from.address, from.place),
        "adaptive_trust_assessments": {},
        "alias": "",
        "application": {"key": format!("DI{}", key_text(name_id(application), 18)), "name": application},
        "auth_device": auth_device(person, deed, outcome, factor),
        "email": person.address,
        "event_type": "authentication",
        "factor": factor_name(deed, outcome, factor),
        "isotimestamp": time_with_fraction(event, 6).replace('Z', "+00:00"),
        "ood_software": null,
        "reason": reason,
        "result": result,
        "timestamp": event.time,
        "trusted_endpoint_status": if from.device.name.is_some() { "trusted" } else { "unknown" },
        "txid": uuid(event.id),
        "user": {
            "groups": ["Employees"],
            "key": format!("DU{}", key_text(person.id, 18)),
            "name": person.name,
        },
    })
}

/// Within a session Duo remembers the device, and asks for nothing.
fn remembered(deed: Deed, outcome: Outcome) -> bool {
    matches!(deed, Deed::Enter(_)) && outcome == Outcome::Success
}

fn result(deed: Deed, outcome: Outcome, factor: Factor) -> (&'static str, &'static str) {
    match (outcome, factor) {
        _ if remembered(deed, outcome) => ("success", "remembered_device"),
        (Outcome::Success, Factor::Push | Factor::PhoneCall | Factor::SecurityKey) => {
            ("success", "user_approved")
        }
        (Outcome::Success, Factor::Passcode | Factor::BypassCode) => ("success", "valid_passcode"),
        (Outcome::WrongPassword, _) => ("denied", "invalid_passcode"),
        (Outcome::NoAnswer, _) => ("denied", "no_response"),
        (Outcome::Refused, _) => ("denied", "version_restricted"),
    }
}

fn factor_name(deed: Deed, outcome: Outcome, factor: Factor) -> &'static str {
    match (outcome, factor) {
        _ if remembered(deed, outcome) => "remembered_device",
        (Outcome::WrongPassword, _) | (_, Factor::Passcode) => "duo_mobile_passcode",
        (_, Factor::Push) => "duo_push",
        (_, Factor::PhoneCall) => "phone_call",
        (_, Factor::SecurityKey) => "webauthn_credential",
        (_, Factor::BypassCode) => "bypass_code",
    }
}

fn access_device(device: &Device, address: &str, place: Place) -> Value {
    let managed = device.name.is_some();
    json!({
        "browser": device.browser.duo,
        "browser_version": format!("{}.0.{}", device.version, device.key % 10),
        "epkey": format!("EP{}", key_text(device.key, 18)),
        "flash_version": "uninstalled",
        "hostname": device.name,
        "ip": address,
        "is_encryption_enabled": if managed { json!(true) } else { json!("unknown") },
        "is_firewall_enabled": if managed { json!(true) } else { json!("unknown") },
        "is_password_set": if managed { json!(true) } else { json!("unknown") },
        "java_version": "uninstalled",
        "location": {
            "city": place.city.name,
            "country": place.country.name,
            "state": place.city.state,
        },
        "os": device.system.duo,
        "os_version": device.system.version,
        "security_agents": if managed { json!([]) } else { json!("unknown") },
    })
}

/// What the second factor is given with: a telephone, a key, or nothing.
fn auth_device(person: &Person, deed: Deed, outcome: Outcome, factor: Factor) -> Value {
    let name = match factor {
        _ if remembered(deed, outcome) => None,
        Factor::BypassCode => None,
        Factor::SecurityKey => Some(format!("Security key {}", person.id % 10_000)),
        Factor::Push | Factor::Passcode | Factor::PhoneCall => Some(person.phone.clone()),
    };
    json!({
        "ip": null,
        "key": name.as_ref().map(|_| format!("DP{}", key_text(derived(person.id, 1), 18))),
        "location": {"city": null, "country": null, "state": null},
        "name": name,
    })
}
