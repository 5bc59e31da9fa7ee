//! What there is to do in an account: CloudTrail's names of services, actions and tools.

/// A service as CloudTrail names it.
#[derive(Debug)]
pub(super) struct Service {
    pub(super) source: &'static str,
    /// Host that its calls go to.
    pub(super) host: &'static str,
    /// Most services do not record one.
    pub(super) api_version: Option<&'static str>,
    pub(super) reads: &'static [&'static str],
    pub(super) writes: &'static [&'static str],
}

/// One call that a user can make.
#[derive(Debug, Clone, Copy)]
pub(super) struct Action {
    pub(super) service: &'static Service,
    pub(super) name: &'static str,
    pub(super) read_only: bool,
}

impl Service {
    pub(super) fn actions(&'static self) -> impl Iterator<Item = Action> {
        let action = move |read_only| move |&name| Action { service: self, name, read_only };
        self.reads.iter().map(action(true)).chain(self.writes.iter().map(action(false)))
    }
}

/// The action of this name; for tables of this module, which a test checks.
pub(super) fn action(source: &str, name: &str) -> Option<Action> {
    let service = SERVICES.iter().find(|service| service.source == source)?;
    service.actions().find(|action| action.name == name)
}

macro_rules! service {
    ($source:literal, $host:literal, $api_version:expr, [$($read:literal)*], [$($write:literal)*]) => {
        Service {
            source: concat!($source, ".amazonaws.com"),
            host: concat!($host, ".amazonaws.com"),
            api_version: $api_version,
            reads: &[$($read),*],
            writes: &[$($write),*],
        }
    };
}

/// Services that users have habits in.
#[rustfmt::skip]
pub(super) static SERVICES: &[Service] = &[
    service!("s3", "s3.us-east-1", None,
        ["GetBucketLocation" "ListBuckets" "GetBucketAcl" "GetBucketPolicy" "GetBucketVersioning" "GetBucketTagging" "GetBucketEncryption"],
        ["CreateBucket" "PutBucketTagging" "PutBucketLifecycle" "PutBucketPolicy" "PutBucketPublicAccessBlock" "DeleteBucket"]),
    service!("ec2", "ec2.us-east-1", None,
        ["DescribeInstances" "DescribeInstanceStatus" "DescribeSecurityGroups" "DescribeSubnets" "DescribeVpcs" "DescribeVolumes" "DescribeSnapshots" "DescribeImages"],
        ["RunInstances" "StopInstances" "StartInstances" "TerminateInstances" "CreateTags" "CreateSnapshot" "ModifySnapshotAttribute" "AuthorizeSecurityGroupIngress"]),
    service!("logs", "logs.us-east-1", Some("20140328"),
        ["DescribeLogGroups" "DescribeLogStreams" "ListTagsLogGroup" "DescribeMetricFilters"],
        ["CreateLogStream" "CreateLogGroup" "PutRetentionPolicy" "DeleteLogStream"]),
    service!("monitoring", "monitoring.us-east-1", Some("2010-08-01"),
        ["DescribeAlarms" "GetMetricData" "ListMetrics" "GetDashboard" "ListDashboards"],
        ["PutMetricAlarm" "PutDashboard" "DeleteAlarms"]),
    service!("lambda", "lambda.us-east-1", None,
        ["ListFunctions20150331" "GetFunction20150331v2" "GetPolicy20150331v2" "ListVersionsByFunction20150331" "ListTags20170331"],
        ["UpdateFunctionCode20150331v2" "UpdateFunctionConfiguration20150331v2" "PublishVersion20150331" "CreateFunction20150331"]),
    service!("dynamodb", "dynamodb.us-east-1", Some("2012-08-10"),
        ["DescribeTable" "ListTables" "DescribeTimeToLive" "DescribeContinuousBackups"],
        ["CreateTable" "UpdateTable" "CreateBackup"]),
    service!("kms", "kms.us-east-1", None,
        ["Decrypt" "GenerateDataKey" "DescribeKey" "ListAliases" "Encrypt"],
        ["CreateGrant" "CreateKey" "ScheduleKeyDeletion"]),
    service!("sts", "sts.us-east-1", None,
        ["GetCallerIdentity" "AssumeRole"], []),
    service!("ssm", "ssm.us-east-1", None,
        ["GetParameter" "GetParameters" "DescribeParameters" "DescribeInstanceInformation" "ListTagsForResource"],
        ["PutParameter" "DeleteParameter" "SendCommand"]),
    service!("rds", "rds.us-east-1", None,
        ["DescribeDBInstances" "DescribeDBSnapshots" "DescribeEvents" "ListTagsForResource"],
        ["CreateDBSnapshot" "ModifyDBInstance" "ModifyDBSnapshotAttribute"]),
    service!("cloudformation", "cloudformation.us-east-1", None,
        ["DescribeStacks" "DescribeStackEvents" "ListStackResources" "GetTemplate"],
        ["CreateChangeSet" "ExecuteChangeSet" "UpdateStack" "CreateStack"]),
    service!("ecr", "api.ecr.us-east-1", None,
        ["GetAuthorizationToken" "DescribeRepositories" "BatchGetImage" "DescribeImages"],
        ["InitiateLayerUpload" "CompleteLayerUpload" "PutImage"]),
    service!("ecs", "ecs.us-east-1", None,
        ["DescribeServices" "DescribeTasks" "ListTasks" "DescribeTaskDefinition"],
        ["UpdateService" "RegisterTaskDefinition" "RunTask"]),
    service!("sqs", "sqs.us-east-1", None,
        ["GetQueueAttributes" "ListQueues" "GetQueueUrl"],
        ["CreateQueue" "SetQueueAttributes" "PurgeQueue"]),
    service!("sns", "sns.us-east-1", None,
        ["ListTopics" "GetTopicAttributes" "ListSubscriptionsByTopic"],
        ["Subscribe" "CreateTopic" "SetTopicAttributes"]),
    service!("elasticloadbalancing", "elasticloadbalancing.us-east-1", Some("2015-12-01"),
        ["DescribeLoadBalancers" "DescribeTargetGroups" "DescribeTargetHealth" "DescribeListeners"],
        ["RegisterTargets" "DeregisterTargets" "ModifyListener"]),
    service!("route53", "route53", Some("2013-04-01"),
        ["ListHostedZones" "ListResourceRecordSets" "GetChange"],
        ["ChangeResourceRecordSets"]),
    service!("athena", "athena.us-east-1", None,
        ["GetQueryExecution" "GetQueryResults" "ListWorkGroups" "ListQueryExecutions"],
        ["StartQueryExecution" "StopQueryExecution"]),
    service!("glue", "glue.us-east-1", None,
        ["GetTables" "GetDatabases" "GetPartitions" "GetJobRuns"],
        ["StartJobRun" "StartCrawler" "UpdateTable"]),
    service!("iam", "iam", None,
        ["GetRole" "ListRoles" "GetPolicy" "GetInstanceProfile" "ListAttachedRolePolicies"],
        ["PassRole" "TagRole" "UpdateAssumeRolePolicy"]),
];

/// Services and actions of intruders, which no user has a habit in.
#[rustfmt::skip]
pub(super) static HOSTILE_SERVICES: &[Service] = &[
    service!("iam", "iam", None,
        ["ListUsers" "GetAccountAuthorizationDetails" "ListAttachedUserPolicies" "GetAccountSummary"],
        ["CreateAccessKey" "AttachUserPolicy" "CreateLoginProfile" "CreateUser"]),
    service!("organizations", "organizations.us-east-1", None,
        ["DescribeOrganization" "ListAccounts"], []),
    service!("secretsmanager", "secretsmanager.us-east-1", None,
        ["ListSecrets" "GetSecretValue"], []),
    service!("cloudtrail", "cloudtrail.us-east-1", None,
        ["DescribeTrails" "GetEventSelectors"], ["StopLogging" "DeleteTrail"]),
    service!("guardduty", "guardduty.us-east-1", None,
        ["ListDetectors"], ["UpdateDetector"]),
    service!("servicequotas", "servicequotas.us-east-1", None,
        ["ListServiceQuotas"], []),
];

/// Tools that people call an account with, by hand.
pub(super) const HAND_TOOLS: &[Tool] = &[
    Tool::Console("console.amazonaws.com"),
    Tool::Console("AWS Internal"),
    Tool::Console("[S3Console/0.4]"),
    Tool::Console("EC2ConsoleFrontend, aws-internal/3"),
    Tool::Client("aws-cli/2.15.#1 Python/3.11.6 Linux/5.15"),
    Tool::Client("aws-cli/1.29.#1 Python/3.9.16 Darwin/22.6.0"),
    Tool::Client("APN/1.0 HashiCorp/1.0 Terraform/1.6.#2"),
];

/// Tools that call an account by themselves.
pub(super) const MACHINE_TOOLS: &[Tool] = &[
    Tool::Client("Boto3/1.34.#1 Python/3.11.6 Linux/5.15 exec-env/AWS_Lambda"),
    Tool::Client("Boto3/1.28.#1 Python/3.10.12 Linux/5.15 Botocore/1.31"),
    Tool::Client("aws-sdk-java/1.12.5#1 Linux/5.10 OpenJDK/17.0.9"),
    Tool::Client("aws-sdk-go/1.48.#2 (go1.21.5; linux; amd64)"),
];

/// Tools of intruders, which no user has.
pub(super) const HOSTILE_TOOLS: &[&str] = &[
    "aws-cli/1.22.34 Python/3.10.4 Linux/5.18.0-kali5-amd64 botocore/1.23.34",
    "Boto3/1.24.20 Python/3.9.2 Linux/6.1.0-parrot1-amd64 Botocore/1.27.20",
    "S3 Browser/11.6.7 (https://s3browser.com)",
    "python-requests/2.28.1",
];

/// A tool; `#1` and `#2` in its name stand for version numbers, up to 99 and up to 9.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tool {
    /// A web console, which people enter with a second factor.
    Console(&'static str),
    /// A client library or program.
    Client(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_user_has_a_habit_of_an_intruder() {
        for hostile in HOSTILE_SERVICES.iter().flat_map(Service::actions) {
            assert!(action(hostile.service.source, hostile.name).is_none(), "{hostile:?}");
        }
    }

    #[test]
    fn no_action_is_listed_twice() {
        let mut seen = std::collections::HashSet::new();
        for action in SERVICES.iter().flat_map(Service::actions) {
            assert!(seen.insert((action.service.source, action.name)), "{action:?}");
        }
    }
}
