//! What takeovers look like in each vendor's records.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::super::tests::{csv_rows, files, options};
use super::super::{GenerateOptions, LogSource, TakeoverKind as Kind, generate};

/// Pointers into a record of a vendor of sign-ins.
struct Pointers {
    source: LogSource,
    id: &'static str,
    user: &'static str,
    time: &'static str,
    country: &'static str,
    address: &'static str,
    device: &'static str,
    /// What is done: an application, or a type of event.
    deed: &'static str,
    /// What went wrong, and what it says if nothing did.
    failure: (&'static str, serde_json::Value),
}

fn vendors() -> [Pointers; 3] {
    [
        Pointers {
            source: LogSource::Azure,
            id: "/properties/id",
            user: "/properties/userPrincipalName",
            time: "/properties/createdDateTime",
            country: "/properties/location/countryOrRegion",
            address: "/properties/ipAddress",
            device: "/properties/deviceDetail/operatingSystem",
            deed: "/properties/appDisplayName",
            failure: ("/properties/status/errorCode", 0.into()),
        },
        Pointers {
            source: LogSource::Duo,
            id: "/txid",
            user: "/user/name",
            time: "/isotimestamp",
            country: "/access_device/location/country",
            address: "/access_device/ip",
            device: "/access_device/os",
            deed: "/application/name",
            failure: ("/result", "success".into()),
        },
        Pointers {
            source: LogSource::Okta,
            id: "/uuid",
            user: "/actor/alternateId",
            time: "/published",
            country: "/client/geographicalContext/country",
            address: "/client/ipAddress",
            device: "/client/userAgent/os",
            deed: "/eventType",
            failure: ("/outcome/result", "SUCCESS".into()),
        },
    ]
}

type Records = Vec<serde_json::Value>;

/// The records of a folder by time, each file of one day that its name tells.
fn records(files: &BTreeMap<PathBuf, Vec<u8>>, folder: &str, vendor: &Pointers) -> Records {
    let mut all = Records::new();
    for (name, bytes) in files.iter().filter(|(name, _)| name.starts_with(folder)) {
        let records: Records = serde_json::from_slice(bytes).unwrap();
        let name = name.file_name().unwrap().to_str().unwrap();
        let day = &name[name.find('_').unwrap() + 1..][..10];
        for record in &records {
            assert!(record.pointer(vendor.time).unwrap().as_str().unwrap().starts_with(day));
        }
        all.extend(records);
    }
    all
}

#[test]
fn every_kind_of_takeover_is_what_its_name_says() {
    for vendor in vendors() {
        for kind in Kind::SIGN_IN {
            let directory = tempfile::tempdir().unwrap();
            let asked = GenerateOptions {
                source: vendor.source,
                takeover_kinds: vec![kind],
                ..options(directory.path())
            };
            let summary = generate(&asked).unwrap();
            assert_eq!((summary.training_rows, summary.new_rows), (1200, 450 + 12));
            let files = files(directory.path());
            let history = records(&files, "training", &vendor);
            let new = records(&files, "validation", &vendor);
            let labels = csv_rows(&files[Path::new("labels.csv")]);
            for takeover in &summary.takeovers {
                let of_user = |rows: &Records| -> Records {
                    let mine = |row: &&serde_json::Value| {
                        row.pointer(vendor.user).unwrap() == takeover.user.as_str()
                    };
                    rows.iter().filter(mine).cloned().collect()
                };
                let hostile: Vec<&str> = labels
                    .iter()
                    .filter(|label| label["user"] == takeover.user)
                    .map(|label| {
                        let file: Records =
                            serde_json::from_slice(&files[Path::new(&label["file"])]).unwrap();
                        let row = &file[label["row"].parse::<usize>().unwrap()];
                        assert_eq!(row.pointer(vendor.id).unwrap(), label["eventID"].as_str());
                        assert_eq!(label["label"], kind.label());
                        label["eventID"].as_str()
                    })
                    .collect();
                let is_hostile = |row: &serde_json::Value| {
                    hostile.contains(&row.pointer(vendor.id).unwrap().as_str().unwrap())
                };
                let (hostile, mut own): (Records, Records) =
                    of_user(&new).into_iter().partition(is_hostile);
                own.extend(of_user(&history));
                assert_eq!((hostile.len(), own.len()), (6, 550));
                same_kind(kind, &vendor, &hostile, &own);
            }
        }
    }
}

fn same_kind(kind: Kind, vendor: &Pointers, hostile: &Records, own: &Records) {
    let values = |rows: &Records, pointer: &str| -> BTreeSet<String> {
        rows.iter().map(|row| row.pointer(pointer).unwrap().to_string()).collect()
    };
    let strange = |pointer: &str| values(hostile, pointer).is_disjoint(&values(own, pointer));
    let own_place = !strange(vendor.address) && !strange(vendor.device);
    let (failure, none) = &vendor.failure;
    let failed: Vec<bool> =
        hostile.iter().map(|row| row.pointer(failure).unwrap() != none).collect();
    let name = format!("{:?} {kind:?}", vendor.source);
    match kind {
        Kind::NewCountryAndDevice => {
            assert!(strange(vendor.country) && strange(vendor.device), "{name}");
        }
        Kind::FailuresThenSuccess => {
            assert_eq!(failed, [true, true, true, true, true, false], "{name}");
            assert!(strange(vendor.address) && !strange(vendor.country), "{name}");
        }
        Kind::UnusualHours => assert!(own_place && failed.contains(&false), "{name}"),
        Kind::PrivilegeActions => assert!(own_place && strange(vendor.deed), "{name}"),
        Kind::SlowDrip => {
            let days: BTreeSet<&str> = hostile
                .iter()
                .map(|row| &row.pointer(vendor.time).unwrap().as_str().unwrap()[..10])
                .collect();
            // Local days, of which two may begin on one day of UTC.
            assert!(days.len() >= 4 && strange(vendor.country), "{name} {days:?}");
        }
        other => panic!("{other:?} is no kind of sign-ins"),
    }
}
