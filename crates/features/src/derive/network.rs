//! Addresses: the network that one is in, and what kind of address it is.

use super::{Inputs, Op, RowOp};
use crate::document::Keys;
use crate::error::FeatureError;
use arrow_array::ArrayRef;
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Networks with a special use, and what they are called (IANA's registries of IPv4 and IPv6).
const SPECIAL: [(&str, &str); 21] = [
    ("0.0.0.0/8", "reserved"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared"),
    ("127.0.0.0/8", "loopback"),
    ("169.254.0.0/16", "link-local"),
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "documentation"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "reserved"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "reserved"),
    ("::1/128", "loopback"),
    ("2001:db8::/32", "documentation"),
    ("3fff::/20", "documentation"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("ff00::/8", "multicast"),
];

/// Networks, each with what is known of it; the smallest one that holds an address counts.
#[derive(Debug)]
pub(super) struct Networks<T> {
    known: HashMap<IpNet, T>,
    /// The lengths of prefixes that there are, longest first, of IPv4 and IPv6.
    lengths: [Vec<u8>; 2],
}

impl<T> Networks<T> {
    pub(super) fn new(networks: impl IntoIterator<Item = (IpNet, T)>) -> Self {
        let known: HashMap<IpNet, T> =
            networks.into_iter().map(|(network, of)| (network.trunc(), of)).collect();
        let lengths = [false, true].map(|v6| {
            let of_family = known.keys().filter(|n| matches!(n, IpNet::V6(_)) == v6);
            let mut lengths: Vec<u8> = of_family.map(IpNet::prefix_len).collect();
            lengths.sort_unstable_by(|a, b| b.cmp(a));
            lengths.dedup();
            lengths
        });
        Self { known, lengths }
    }

    pub(super) fn get(&self, address: IpAddr) -> Option<&T> {
        let lengths = &self.lengths[usize::from(address.is_ipv6())];
        lengths.iter().find_map(|length| self.known.get(&prefix(address, *length)?))
    }
}

fn prefix(address: IpAddr, length: u8) -> Option<IpNet> {
    IpNet::new(address, length).ok().map(|network| network.trunc())
}

/// An address as logs write it, with or without a port; one of IPv4 inside IPv6 is one of IPv4.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let alone = text.parse::<IpAddr>().ok();
    let address = alone.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
    address.map(|address| address.to_canonical())
}

/// An address becomes its network.
#[derive(Debug)]
struct Network {
    v4: u8,
    v6: u8,
}

pub(super) fn network(keys: &Keys<'_, '_>, _: &Path) -> Option<Op> {
    let length = |number: Option<i64>, default| {
        number.and_then(|number| u8::try_from(number).ok()).unwrap_or(default)
    };
    let v4 = length(keys.integer("v4", 0..33), 24);
    let v6 = length(keys.integer("v6", 0..129), 48);
    Some(Op::Row(Arc::new(Network { v4, v6 })))
}

impl RowOp for Network {
    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError> {
        let network = |text: &str| {
            let network = address(text).and_then(|address| {
                prefix(address, if address.is_ipv6() { self.v6 } else { self.v4 })
            });
            // CloudTrail names a service in place of its address: that is as good as a network.
            Some(network.map_or_else(|| text.to_owned(), |network| network.to_string()))
        };
        Ok(vec![inputs.first().texts()?.map(network)?])
    }
}

/// An address becomes its class.
#[derive(Debug)]
struct Class {
    special: Networks<String>,
    providers: Option<Networks<String>>,
}

pub(super) fn class(keys: &Keys<'_, '_>, folder: &Path) -> Option<Op> {
    let special = SPECIAL
        .iter()
        .filter_map(|(network, class)| Some((network.parse().ok()?, (*class).to_owned())));
    let mut providers = None;
    if let Some(file) = keys.text("networks") {
        match read_networks(&folder.join(&file)) {
            Ok(networks) => providers = Some(Networks::new(networks)),
            Err(why) => {
                keys.wrong_value("networks", &why);
                return None;
            }
        }
    }
    Some(Op::Row(Arc::new(Class { special: Networks::new(special), providers })))
}

impl RowOp for Class {
    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError> {
        let class = |text: &str| {
            let Some(address) = address(text) else { return Some("name".to_owned()) };
            let of_provider = self.providers.as_ref().and_then(|known| known.get(address));
            let class = of_provider.or_else(|| self.special.get(address));
            Some(class.map_or_else(|| "public".to_owned(), String::clone))
        };
        Ok(vec![inputs.first().texts()?.map(class)?])
    }
}

/// Networks and their classes: a CSV file with the columns `network` and `class`, or the
/// `ip-ranges.json` of AWS, all of whose networks are of class `AWS`.
fn read_networks(path: &Path) -> Result<Vec<(IpNet, String)>, String> {
    if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
        return aws_ranges(path);
    }
    let table = NetworkTable::open(path)?;
    let class = table.column("class")?;
    let mut networks = Vec::new();
    for row in &table.rows {
        networks.push((row.network, row.record.get(class).unwrap_or_default().to_owned()));
    }
    Ok(networks)
}

fn aws_ranges(path: &Path) -> Result<Vec<(IpNet, String)>, String> {
    let text = std::fs::read(path).map_err(|error| format!("cannot read {path:?}: {error}"))?;
    let document: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| format!("{path:?} is no JSON: {error}"))?;
    let mut networks = Vec::new();
    for (list, member) in [("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix")] {
        for entry in document[list].as_array().into_iter().flatten() {
            let text = entry[member].as_str().unwrap_or_default();
            let network = text.parse().map_err(|_| {
                format!("{path:?}: {list}: {member} {text:?} is no network, such as \"10.0.0.0/8\"")
            })?;
            networks.push((network, "AWS".to_owned()));
        }
    }
    if networks.is_empty() {
        return Err(format!(
            "{path:?} has neither \"prefixes\" nor \"ipv6_prefixes\"; expected the ip-ranges.json of AWS, or a CSV file with the columns network and class"
        ));
    }
    Ok(networks)
}

/// A CSV file with a column `network`.
pub(super) struct NetworkTable {
    path: PathBuf,
    header: Vec<String>,
    pub(super) rows: Vec<NetworkRow>,
}

pub(super) struct NetworkRow {
    pub(super) network: IpNet,
    pub(super) record: csv::StringRecord,
}

impl NetworkTable {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let refuse = |error: csv::Error| format!("cannot read {path:?}: {error}");
        let mut reader = csv::Reader::from_path(path).map_err(refuse)?;
        let header = reader.headers().map_err(refuse)?.iter().map(str::to_owned).collect();
        let mut table = Self { path: path.to_owned(), header, rows: Vec::new() };
        let network = table.column("network")?;
        for record in reader.records() {
            let record = record.map_err(refuse)?;
            let text = record.get(network).unwrap_or_default().trim();
            // A single address is a network too.
            let parsed = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            let parsed = parsed.map_err(|_| {
                let line = record.position().map_or(0, csv::Position::line);
                format!(
                    "{path:?} line {line}: network {text:?} is no network, such as \"10.0.0.0/8\""
                )
            })?;
            table.rows.push(NetworkRow { network: parsed, record });
        }
        Ok(table)
    }

    /// The position of a column.
    pub(super) fn column(&self, name: &str) -> Result<usize, String> {
        self.header.iter().position(|known| known == name).ok_or_else(|| {
            format!(
                "{:?} has no column {name:?}; its columns are {}",
                self.path,
                self.header.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{made_in, refused_in, texts_of};

    const ADDRESSES: (&str, &[Option<&str>]) = (
        "a",
        &[
            Some("203.0.113.77"),
            Some("::ffff:10.1.2.3"),
            Some("2600:1f18:abcd:12::1"),
            Some("ec2.amazonaws.com"),
            None,
            Some("8.8.8.8:443"),
            Some("100.100.0.1"),
            Some("fe80::1"),
            Some("3.5.140.9"),
        ],
    );

    #[test]
    fn an_address_becomes_its_network() {
        let dir = tempfile::tempdir().unwrap();
        let batch = made_in(dir.path(), "name = 'n'\nop = 'network'\nof = 'a'", &[ADDRESSES]);
        assert_eq!(
            texts_of(&batch, "n")[..6],
            [
                Some("203.0.113.0/24"),
                Some("10.1.2.0/24"),
                Some("2600:1f18:abcd::/48"),
                Some("ec2.amazonaws.com"),
                None,
                Some("8.8.8.0/24"),
            ]
        );
        let column = "name = 'n'\nop = 'network'\nof = 'a'\nv4 = 8\nv6 = 16";
        let batch = made_in(dir.path(), column, &[ADDRESSES]);
        assert_eq!(
            texts_of(&batch, "n")[..3],
            [Some("203.0.0.0/8"), Some("10.0.0.0/8"), Some("2600::/16")]
        );
    }

    #[test]
    fn an_address_becomes_its_class() {
        let dir = tempfile::tempdir().unwrap();
        let column = "name = 'c'\nop = 'address_class'\nof = 'a'";
        let own = [
            Some("documentation"),
            Some("private"),
            Some("public"),
            Some("name"),
            None,
            Some("public"),
            Some("shared"),
            Some("link-local"),
            Some("public"),
        ];
        assert_eq!(texts_of(&made_in(dir.path(), column, &[ADDRESSES]), "c"), own);
        std::fs::write(
            dir.path().join("ip-ranges.json"),
            r#"{"prefixes":[{"ip_prefix":"3.5.140.0/22","service":"S3"}],"ipv6_prefixes":[{"ipv6_prefix":"2600:1f18::/32"}]}"#,
        )
        .unwrap();
        let with_aws = format!("{column}\nnetworks = 'ip-ranges.json'");
        let batch = made_in(dir.path(), &with_aws, &[ADDRESSES]);
        assert_eq!(
            (texts_of(&batch, "c")[2], texts_of(&batch, "c")[8]),
            (Some("AWS"), Some("AWS"))
        );
        // The smaller network counts, and one's own goes before the special ones.
        std::fs::write(
            dir.path().join("n.csv"),
            "class,network\noffice,10.0.0.0/8\nlab,10.1.0.0/16\ndns,8.8.8.8\n",
        )
        .unwrap();
        let batch = made_in(dir.path(), &format!("{column}\nnetworks = 'n.csv'"), &[ADDRESSES]);
        assert_eq!(
            (texts_of(&batch, "c")[1], texts_of(&batch, "c")[5]),
            (Some("lab"), Some("dns"))
        );
    }

    #[test]
    fn what_is_no_network_is_named_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n.csv");
        let column = "name = 'c'\nop = 'address_class'\nof = 'a'\nnetworks = 'n.csv'";
        for (text, why) in [
            (
                "network,class\n10.0.0.0/8,a\n10.0.0.0/33,b\n",
                format!(
                    "{path:?} line 3: network \"10.0.0.0/33\" is no network, such as \"10.0.0.0/8\""
                ),
            ),
            (
                "network,kind\n",
                format!("{path:?} has no column \"class\"; its columns are network, kind"),
            ),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(
                refused_in(dir.path(), column),
                [format!("f.toml line 6: column \"c\": networks: {why}")]
            );
        }
        assert!(
            refused_in(dir.path(), "name = 'c'\nop = 'network'\nof = 'a'\nv4 = 33")[0]
                .ends_with("v4: \"33\" is not a whole number from 0 to 32")
        );
    }
}
