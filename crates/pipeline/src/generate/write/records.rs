//! CloudTrail's own files: all users together, by time, split into files.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Value, json};

use super::super::GenerateError;
use super::super::activity::Activity;
use super::super::catalogue::Action;
use super::super::dice::Dice;
use super::super::event::{Event, Identity, uuid};
use super::super::profile::Profile;
use super::{create, io_error, timestamp};

/// A file ends with the day (UTC), and after this many records.
const FILE_RECORDS: u64 = 1000;
const DAY_SECONDS: i64 = 86_400;
const FILE_NAME_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Writes the events of all users, tells each with its file's name and its place in the file, and
/// gives the number of files and of rows.
pub(super) fn write(
    directory: &Path,
    names: &mut Dice,
    mut users: Vec<(&Profile, Activity<'_>)>,
    mut on_row: impl FnMut(&str, u64, &Profile, &Event),
) -> Result<(usize, u64), GenerateError> {
    let mut coming: Vec<Option<Event>> =
        users.iter_mut().map(|(_, activity)| activity.next()).collect();
    // The next event of each user; at the same second, in the order of users.
    let mut order: BinaryHeap<Reverse<(i64, usize)>> = coming
        .iter()
        .enumerate()
        .filter_map(|(user, event)| Some(Reverse((event.as_ref()?.time, user))))
        .collect();

    let mut file: Option<Delivery> = None;
    let (mut files, mut rows) = (0, 0);
    while let Some(Reverse((time, user))) = order.pop() {
        let (profile, activity) = &mut users[user];
        let Some(event) = std::mem::replace(&mut coming[user], activity.next()) else { continue };
        if let Some(next) = &coming[user] {
            order.push(Reverse((next.time, user)));
        }
        if let Some(full) = file.take_if(|file| !file.has_room_at(time)) {
            full.finish()?;
        }
        let delivery = match &mut file {
            Some(delivery) => delivery,
            none => {
                files += 1;
                none.insert(Delivery::begin(directory, &profile.identity.account, time, names)?)
            }
        };
        on_row(&delivery.name, delivery.records, profile, &event);
        delivery.write(&profile.identity, &event)?;
        rows += 1;
    }
    if let Some(last) = file {
        last.finish()?;
    }
    Ok((files, rows))
}

/// One file, being written.
struct Delivery {
    name: String,
    path: PathBuf,
    out: BufWriter<File>,
    day: i64,
    records: u64,
}

impl Delivery {
    fn begin(
        directory: &Path,
        account: &str,
        time: i64,
        names: &mut Dice,
    ) -> Result<Self, GenerateError> {
        // CloudTrail delivers every five minutes.
        let delivered = timestamp((time / 300 + 1) * 300).strftime("%Y%m%dT%H%MZ").to_string();
        let unique = names.text(FILE_NAME_ALPHABET, 16);
        let name = format!("{account}_CloudTrail_us-east-1_{delivered}_{unique}.json");
        let path = directory.join(&name);
        let mut out = create(&path)?;
        out.write_all(b"{\"Records\":[").map_err(io_error("write", &path))?;
        Ok(Self { name, path, out, day: time / DAY_SECONDS, records: 0 })
    }

    fn has_room_at(&self, time: i64) -> bool {
        self.records < FILE_RECORDS && time / DAY_SECONDS == self.day
    }

    fn write(&mut self, identity: &Identity, event: &Event) -> Result<(), GenerateError> {
        let record = Record::new(identity, event);
        let comma: &[u8] = if self.records == 0 { b"" } else { b"," };
        self.records += 1;
        self.out
            .write_all(comma)
            .and_then(|()| serde_json::to_writer(&mut self.out, &record).map_err(io::Error::from))
            .map_err(io_error("write", &self.path))
    }

    fn finish(mut self) -> Result<(), GenerateError> {
        self.out
            .write_all(b"]}\n")
            .and_then(|()| self.out.flush())
            .map_err(io_error("write", &self.path))
    }
}

/// A record as CloudTrail writes it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    event_version: &'static str,
    user_identity: Value,
    event_time: String,
    event_source: &'static str,
    event_name: &'static str,
    aws_region: &'static str,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: &'a str,
    user_agent: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'a str>,
    request_parameters: Value,
    response_elements: Value,
    #[serde(rename = "requestID")]
    request_id: String,
    #[serde(rename = "eventID")]
    event_id: String,
    read_only: bool,
    event_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<&'static str>,
    management_event: bool,
    recipient_account_id: &'a str,
    event_category: &'static str,
    tls_details: TlsDetails,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TlsDetails {
    tls_version: &'static str,
    cipher_suite: &'static str,
    client_provided_host_header: &'static str,
}

impl<'a> Record<'a> {
    fn new(identity: &'a Identity, event: &'a Event) -> Self {
        let action = event.action;
        Self {
            event_version: "1.08",
            user_identity: user_identity(identity, event),
            event_time: timestamp(event.time).to_string(),
            event_source: action.service.source,
            event_name: action.name,
            aws_region: "us-east-1",
            source_ip_address: &event.address,
            user_agent: &event.agent,
            error_code: event.error.as_ref().map(|(code, _)| *code),
            error_message: event.error.as_ref().map(|(_, message)| &**message),
            request_parameters: request_parameters(identity, event),
            response_elements: response_elements(identity, event),
            request_id: uuid(event.request_id),
            event_id: uuid(event.id),
            read_only: action.read_only,
            event_type: "AwsApiCall",
            api_version: action.service.api_version,
            management_event: true,
            recipient_account_id: &identity.account,
            event_category: "Management",
            tls_details: TlsDetails {
                tls_version: "TLSv1.2",
                cipher_suite: "ECDHE-RSA-AES128-GCM-SHA256",
                client_provided_host_header: action.service.host,
            },
        }
    }
}

fn user_identity(identity: &Identity, event: &Event) -> Value {
    json!({
        "type": "AssumedRole",
        "principalId": identity.principal_id(),
        "arn": identity.arn(),
        "accountId": identity.account,
        "accessKeyId": &*event.access_key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": identity.role_id,
                "arn": role_arn(identity, &identity.user),
                "accountId": identity.account,
                "userName": identity.user,
            },
            "webIdFederationData": {},
            "attributes": {
                // A session of a role lasts an hour.
                "creationDate": timestamp(event.time / 3600 * 3600).to_string(),
                "mfaAuthenticated": if event.console { "true" } else { "false" },
            },
        },
    })
}

fn request_parameters(identity: &Identity, event: &Event) -> Value {
    let resource = &*event.resource;
    let Action { service, name, .. } = event.action;
    match (service.source, name) {
        ("sts.amazonaws.com", "AssumeRole") => json!({
            "roleArn": role_arn(identity, resource),
            "roleSessionName": identity.user,
            "durationSeconds": 3600,
        }),
        ("sts.amazonaws.com", _) => Value::Null,
        ("ec2.amazonaws.com", "RunInstances") => json!({
            "instancesSet": {"items": [{"imageId": resource_id("ami", resource), "minCount": 1, "maxCount": 1}]},
            "instanceType": "t3.medium",
            "groupSet": {"items": [{"groupId": resource_id("sg", resource)}]},
            "monitoring": {"enabled": false},
            "disableApiTermination": false,
            "ebsOptimized": false,
        }),
        ("ec2.amazonaws.com", name) if name.starts_with("Describe") => json!({
            "maxResults": 1000,
            "filterSet": {"items": [{"name": "tag:Name", "valueSet": {"items": [{"value": resource}]}}]},
        }),
        ("ec2.amazonaws.com", _) => json!({
            "instancesSet": {"items": [{"instanceId": resource_id("i", resource)}]},
        }),
        ("s3.amazonaws.com", "ListBuckets") => json!({"Host": service.host}),
        ("s3.amazonaws.com", _) => json!({
            "bucketName": resource,
            "Host": format!("{resource}.{}", service.host),
        }),
        ("lambda.amazonaws.com", _) => json!({"functionName": resource}),
        ("logs.amazonaws.com", _) => json!({"logGroupName": format!("/aws/{resource}")}),
        ("ssm.amazonaws.com", _) => json!({"name": format!("/{resource}/config")}),
        ("secretsmanager.amazonaws.com", "GetSecretValue") => json!({"secretId": resource}),
        ("iam.amazonaws.com", "ListUsers" | "ListRoles") => json!({"maxItems": 100}),
        ("iam.amazonaws.com", _) => json!({"roleName": resource}),
        ("dynamodb.amazonaws.com", _) => json!({"tableName": resource}),
        ("cloudformation.amazonaws.com", _) => json!({"stackName": resource}),
        ("ecr.amazonaws.com", _) => json!({"repositoryName": resource}),
        ("ecs.amazonaws.com", _) => json!({"cluster": resource}),
        _ => Value::Null,
    }
}

/// CloudTrail records them for calls that change something, and not if the call failed.
fn response_elements(identity: &Identity, event: &Event) -> Value {
    let Action { service, name, .. } = event.action;
    match (service.source, name) {
        _ if event.error.is_some() => Value::Null,
        ("sts.amazonaws.com", "AssumeRole") => json!({
            "assumedRoleUser": {
                "assumedRoleId": identity.principal_id(),
                "arn": format!(
                    "arn:aws:sts::{}:assumed-role/{}/{}",
                    identity.account, event.resource, identity.user
                ),
            },
        }),
        ("ec2.amazonaws.com", _) if !event.action.read_only => {
            json!({"requestId": uuid(event.request_id), "_return": true})
        }
        _ => Value::Null,
    }
}

fn role_arn(identity: &Identity, role: &str) -> String {
    format!("arn:aws:iam::{}:role/{role}", identity.account)
}

/// An identifier such as `i-0…`, always the same for a resource (FNV-1a of its name).
fn resource_id(kind: &str, resource: &str) -> String {
    let hash = resource.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{kind}-0{hash:016x}")
}
