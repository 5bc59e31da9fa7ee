//! Azure AD (Entra ID), as its diagnostic settings export sign-ins.

use serde_json::{Value, json};

use super::catalogue::Place;
use super::{Deed, Device, Factor, Outcome, Person, SignIn, Vendor, name_id, time_with_fraction};
use crate::activity::{Event, uuid};

/// Of the directory, which is one for all users.
const TENANT: &str = "5f1c3b52-0c8e-4e0d-9a66-2f0a7f6f3a10";

pub(in super::super) static VENDOR: Vendor = Vendor {
    prefix: "AZUREAD",
    names_are_addresses: true,
    applications: &[
        "Office 365 Exchange Online",
        "Microsoft Teams",
        "Office 365 SharePoint Online",
        "OfficeHome",
        "One Outlook Web",
        "OneDrive SyncEngine",
        "Microsoft Office",
        "Windows Sign In",
        "Salesforce",
        "ServiceNow",
        "Workday",
        "Atlassian Cloud",
        "Zoom",
        "Power BI Service",
    ],
    privileged: &[
        "Azure Portal",
        "Azure Active Directory PowerShell",
        "Microsoft Azure CLI",
        "Microsoft Graph Command Line Tools",
        "Microsoft Exchange Online Remote PowerShell",
    ],
    record,
};

fn record(person: &Person, event: &Event<SignIn>) -> Value {
    let SignIn { deed, outcome, ref from, .. } = event.what;
    let time = time_with_fraction(event, 7);
    let (code, reason) = status(outcome, deed);
    let category = if interactive(deed) { "SignInLogs" } else { "NonInteractiveUserSignInLogs" };
    json!({
        "time": time,
        "resourceId": format!("/tenants/{TENANT}/providers/Microsoft.aadiam"),
        "operationName": "Sign-in activity",
        "operationVersion": "1.0",
        "category": category,
        "tenantId": TENANT,
        "resultType": code.to_string(),
        "resultSignature": "None",
        "resultDescription": if code == 0 { Value::Null } else { reason.into() },
        "durationMs": 0,
        "callerIpAddress": &*from.address,
        "correlationId": uuid(event.what.session),
        "identity": person.name,
        "Level": 4,
        "location": from.place.country.code,
        "properties": properties(person, event, &time),
    })
}

fn properties(person: &Person, event: &Event<SignIn>, time: &str) -> Value {
    let SignIn { deed, outcome, ref from, factor, session } = event.what;
    let (code, reason) = status(outcome, deed);
    let second_factor = matches!(deed, Deed::Prove(_));
    let policy = match outcome {
        Outcome::Refused => "failure",
        Outcome::Success => "success",
        _ => "notApplied",
    };
    json!({
        "id": uuid(event.id),
        "createdDateTime": time,
        "userDisplayName": person.name,
        "userPrincipalName": person.address,
        "userId": uuid(person.id),
        "appId": application_id(deed.name()),
        "appDisplayName": deed.name(),
        "ipAddress": &*from.address,
        "status": {
            "errorCode": code,
            "failureReason": reason,
            "additionalDetails": details(outcome, second_factor),
        },
        "clientAppUsed": from.device.browser.client,
        "userAgent": from.device.agent(),
        "deviceDetail": device(&from.device),
        "location": location(from.place),
        "correlationId": uuid(session),
        "conditionalAccessStatus": policy,
        "appliedConditionalAccessPolicies": [],
        "originalRequestId": uuid(event.id),
        "isInteractive": interactive(deed),
        "tokenIssuerName": "",
        "tokenIssuerType": "AzureAD",
        "authenticationProcessingDetails": [],
        "networkLocationDetails": [],
        "processingTimeInMilliseconds": 80 + event.id % 400,
        "riskDetail": "none",
        "riskLevelAggregated": "none",
        "riskLevelDuringSignIn": "none",
        "riskState": "none",
        "riskEventTypes": [],
        "resourceDisplayName": deed.name(),
        "resourceId": application_id(deed.name()),
        "authenticationMethodsUsed": if second_factor { vec![method(factor)] } else { vec![] },
        "authenticationRequirement": if second_factor {
            "multiFactorAuthentication"
        } else {
            "singleFactorAuthentication"
        },
        "userType": "Member",
        "autonomousSystemNumber": from.network.number,
    })
}

fn interactive(deed: Deed) -> bool {
    !matches!(deed, Deed::Enter(_))
}

/// Code and reason as Azure has them; a success has the reason "Other.".
fn status(outcome: Outcome, deed: Deed) -> (u32, &'static str) {
    match (outcome, deed) {
        (Outcome::Success, _) => (0, "Other."),
        (Outcome::WrongPassword, _) => {
            (50_126, "Invalid username or password or Invalid on-premise username or password.")
        }
        (Outcome::NoAnswer, _) => {
            (500_121, "Authentication failed during strong authentication request.")
        }
        (Outcome::Refused, Deed::Enter(_)) => (
            70_043,
            "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.",
        ),
        (Outcome::Refused, _) => {
            (53_003, "Access has been blocked by Conditional Access policies.")
        }
    }
}

fn details(outcome: Outcome, second_factor: bool) -> Option<&'static str> {
    match outcome {
        Outcome::Success if second_factor => Some("MFA completed in Azure AD"),
        Outcome::NoAnswer => Some("MFA denied; user did not respond to mobile app notification"),
        _ => None,
    }
}

fn method(factor: Factor) -> &'static str {
    match factor {
        Factor::Push => "Mobile app notification",
        Factor::Passcode => "OATH verification code",
        Factor::PhoneCall => "Phone call approval",
        Factor::SecurityKey => "FIDO2 security key",
        Factor::BypassCode => "Temporary Access Pass",
    }
}

/// Only the company's computers are known by name.
fn device(device: &Device) -> Value {
    let managed = device.name.is_some();
    json!({
        "deviceId": if managed { uuid(device.key) } else { String::new() },
        "displayName": device.name.as_deref().unwrap_or_default(),
        "operatingSystem": device.system.azure,
        "browser": format!("{} {}.0.{}", device.browser.azure, device.version, device.key % 10),
        "isCompliant": managed,
        "isManaged": managed,
        "trustType": if managed { "Azure AD joined" } else { "" },
    })
}

fn location(Place { country, city }: Place) -> Value {
    json!({
        "city": city.name,
        "state": city.state,
        "countryOrRegion": country.code,
        "geoCoordinates": {
            "latitude": f64::from(city.latitude) / 100.0,
            "longitude": f64::from(city.longitude) / 100.0,
        },
    })
}

/// Always the same for an application.
fn application_id(name: &str) -> String {
    uuid(name_id(name))
}
