//! The family of a user agent, without versions: a browser, a command line, a library.

use super::{Inputs, Op, RowOp};
use crate::document::Keys;
use crate::error::FeatureError;
use arrow_array::ArrayRef;
use regex::Regex;
use std::path::Path;
use std::sync::Arc;
use woothee::parser::Parser;

/// What programs that call AWS are called by: the first word that the text holds counts, whatever the
/// case. A tool stands before the library that it is made with.
const FAMILIES: [(&str, &str); 22] = [
    ("terraform", "terraform"),
    ("pulumi", "pulumi"),
    ("ansible", "ansible"),
    ("cloudformation", "cloudformation"),
    ("aws-cdk", "aws-cdk"),
    ("aws-sam-cli", "aws-sam-cli"),
    ("eksctl", "eksctl"),
    ("kubectl", "kubectl"),
    ("aws-vault", "aws-vault"),
    ("pacu", "pacu"),
    ("aws-cli", "aws-cli"),
    ("awspowershell", "aws-powershell"),
    ("aws-tools-for-powershell", "aws-powershell"),
    ("amazon-ssm-agent", "amazon-ssm-agent"),
    ("console.amazonaws.com", "aws-console"),
    ("signin.amazonaws.com", "aws-console"),
    ("s3console", "aws-console"),
    ("aws-internal", "aws-internal"),
    ("aws internal", "aws-internal"),
    ("boto3", "boto3"),
    ("botocore", "botocore"),
    ("boto/", "boto"),
];

/// A user agent becomes its family.
#[derive(Debug)]
struct Agent {
    /// `aws-sdk-go`, `aws-sdk-java`, …
    sdk: Option<Regex>,
    /// A version or identifier at the end of a name.
    number: Option<Regex>,
}

pub(super) fn agent(_: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    let number = "[-_](?:[0-9A-Fa-f]{8}-[0-9A-Fa-f-]{27}|v?[0-9][0-9.]*)$";
    let agent = Agent { sdk: Regex::new("aws-sdk-[a-z]+").ok(), number: Regex::new(number).ok() };
    Some(Op::Row(Arc::new(agent)))
}

impl RowOp for Agent {
    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError> {
        let browsers = Parser::new();
        let family = |text: &str| Some(self.family(text, &browsers));
        Ok(vec![inputs.first().texts()?.map(family)?])
    }
}

impl Agent {
    fn family(&self, text: &str, browsers: &Parser) -> String {
        let lower = text.to_ascii_lowercase();
        if let Some((_, family)) = FAMILIES.iter().find(|(word, _)| lower.contains(word)) {
            return (*family).to_owned();
        }
        if let Some(sdk) = self.sdk.as_ref().and_then(|sdk| sdk.find(&lower)) {
            return sdk.as_str().to_owned();
        }
        if lower.trim().ends_with(".amazonaws.com") {
            return "aws-service".to_owned();
        }
        match browsers.parse(text) {
            // "HTTP Library" and the like say less than the product's own name.
            Some(found) if !["UNKNOWN", "misc"].contains(&found.category) => found.name.to_owned(),
            _ => self.product(text).to_owned(),
        }
    }

    /// The first product of a user agent: `curl` of `curl/7.64.1`.
    fn product<'a>(&self, text: &'a str) -> &'a str {
        let text = text.trim().trim_matches(['[', ']']);
        let ends = |c: char| c == '/' || c == '(' || c.is_whitespace();
        let product = &text[..text.find(ends).unwrap_or(text.len())];
        let number = self.number.as_ref().and_then(|number| number.find(product));
        match &product[..number.map_or(product.len(), |number| number.start())] {
            "" => "unknown",
            product => product,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{made, texts_of};

    #[test]
    fn versions_and_systems_do_not_matter() {
        let agents = [
            ("aws-cli/2.2.5 Python/3.8.8 Linux/5.4 exe/x86_64 prompt/off command/s3.ls", "aws-cli"),
            ("[aws-cli/1.11.13 Python/2.7.12 Linux/4.4 botocore/1.4.70]", "aws-cli"),
            ("Boto3/1.17.49 Python/3.8.5 Linux/5.4 Botocore/1.20.49", "boto3"),
            ("Botocore/1.20.49 Python/3.8.5", "botocore"),
            ("APN/1.0 HashiCorp/1.0 Terraform/0.15.1 aws-sdk-go/1.38.20", "terraform"),
            ("aws-sdk-java/1.11.976 Linux/4.9.230 OpenJDK_64-Bit", "aws-sdk-java"),
            ("aws-sdk-go-v2/1.3.2 os/linux", "aws-sdk-go"),
            ("console.amazonaws.com", "aws-console"),
            ("[S3Console/0.4, aws-internal/3 aws-sdk-java/1.11.976]", "aws-console"),
            ("AWS Internal", "aws-internal"),
            ("lambda.amazonaws.com", "aws-service"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/90.0.4430.93 Safari/537.36",
                "Chrome",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:88.0) Gecko/20100101 Firefox/88.0", "Firefox"),
            ("my-tool/7.64.1", "my-tool"),
            ("red-team_39f95f43-cd2f-4beb-b69e-be60b6fe1f57", "red-team"),
            ("[tool-v1.2 (x)]", "tool"),
            ("(odd)", "unknown"),
        ];
        let cells: Vec<Option<&str>> = agents.iter().map(|(agent, _)| Some(*agent)).collect();
        let families: Vec<Option<&str>> = agents.iter().map(|(_, family)| Some(*family)).collect();
        let batch = made("name = 'b'\nop = 'agent'\nof = 'a'", &[("a", &cells)]);
        assert_eq!(texts_of(&batch, "b"), families);
    }
}
