//! CloudTrail's own files.

use serde::Serialize;
use serde_json::{Value, json};

use super::call::{Call, Identity};
use super::catalogue::Action;
use super::profile::Profile;
use crate::activity::{Event, uuid};
use crate::write::{Form, timestamp};

const FILE_NAME_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// `{"Records": [...]}`.
pub(crate) const FORM: Form<Profile> = Form {
    begin: "{\"Records\":[",
    between: ",",
    end: "]}\n",
    most_records: 1000,
    name: |profile, event, names| {
        // CloudTrail delivers every five minutes.
        let delivered =
            timestamp((event.time / 300 + 1) * 300).strftime("%Y%m%dT%H%MZ").to_string();
        let unique = names.text(FILE_NAME_ALPHABET, 16);
        format!("{}_CloudTrail_us-east-1_{delivered}_{unique}.json", profile.identity.account)
    },
    record: |profile, event| serde_json::to_string(&Record::new(&profile.identity, event)),
};

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
    fn new(identity: &'a Identity, event: &'a Event<Call>) -> Self {
        let call = &event.what;
        let action = call.action;
        Self {
            event_version: "1.08",
            user_identity: user_identity(identity, event),
            event_time: timestamp(event.time).to_string(),
            event_source: action.service.source,
            event_name: action.name,
            aws_region: "us-east-1",
            source_ip_address: &call.address,
            user_agent: &call.agent,
            error_code: call.error.as_ref().map(|(code, _)| *code),
            error_message: call.error.as_ref().map(|(_, message)| &**message),
            request_parameters: request_parameters(identity, call),
            response_elements: response_elements(identity, call),
            request_id: uuid(call.request_id),
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

fn user_identity(identity: &Identity, event: &Event<Call>) -> Value {
    let call = &event.what;
    json!({
        "type": "AssumedRole",
        "principalId": identity.principal_id(),
        "arn": identity.arn(),
        "accountId": identity.account,
        "accessKeyId": &*call.access_key,
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
                "mfaAuthenticated": if call.console { "true" } else { "false" },
            },
        },
    })
}

fn request_parameters(identity: &Identity, call: &Call) -> Value {
    let resource = &*call.resource;
    let Action { service, name, .. } = call.action;
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
fn response_elements(identity: &Identity, call: &Call) -> Value {
    let Action { service, name, .. } = call.action;
    match (service.source, name) {
        _ if call.error.is_some() => Value::Null,
        ("sts.amazonaws.com", "AssumeRole") => json!({
            "assumedRoleUser": {
                "assumedRoleId": identity.principal_id(),
                "arn": format!(
                    "arn:aws:sts::{}:assumed-role/{}/{}",
                    identity.account, call.resource, identity.user
                ),
            },
        }),
        ("ec2.amazonaws.com", _) if !call.action.read_only => {
            json!({"requestId": uuid(call.request_id), "_return": true})
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
