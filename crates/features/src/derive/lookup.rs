//! What a table of the user's own says about an address: country, city, network operator.

use super::network::{NetworkTable, Networks, address};
use super::{Inputs, Op, RowOp};
use crate::document::Keys;
use crate::error::FeatureError;
use arrow_array::ArrayRef;
use maxminddb::{MaxMindDbError, PathElement, Reader};
use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// What can be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Country,
    City,
    Asn,
    Organization,
}

impl Field {
    const ALL: [(&str, Self); 4] = [
        ("country", Self::Country),
        ("city", Self::City),
        ("asn", Self::Asn),
        ("organization", Self::Organization),
    ];

    /// Its column in a CSV file.
    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, field)| *field == self).map_or("", |(word, _)| word)
    }

    /// Where the databases of MaxMind, and those made like them, have it.
    fn path(self) -> &'static [PathElement<'static>] {
        use PathElement::Key;
        match self {
            Self::Country => &[Key("country"), Key("iso_code")],
            Self::City => &[Key("city"), Key("names"), Key("en")],
            Self::Asn => &[Key("autonomous_system_number")],
            Self::Organization => &[Key("autonomous_system_organization")],
        }
    }
}

/// An address becomes what a table says about it.
#[derive(Debug)]
struct Lookup {
    field: Field,
    table: Table,
}

enum Table {
    Csv(Networks<String>),
    MaxMind(Reader<Vec<u8>>),
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Csv(_) => "Csv",
            Self::MaxMind(_) => "MaxMind",
        })
    }
}

pub(super) fn lookup(keys: &Keys<'_, '_>, folder: &Path) -> Option<Op> {
    let file = keys.required("file", "a MaxMind database (.mmdb), or a CSV file of networks");
    if !keys.has("field") {
        keys.wrong("key \"field\" is missing: country, city, asn or organization");
    }
    let field = keys.choice("field", &Field::ALL)?;
    match Table::open(&folder.join(file?), field) {
        Ok(table) => Some(Op::Row(Arc::new(Lookup { field, table }))),
        Err(why) => {
            keys.wrong_value("file", &why);
            None
        }
    }
}

impl Table {
    fn open(path: &Path, field: Field) -> Result<Self, String> {
        if path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("mmdb")) {
            let reader = Reader::open_readfile(path)
                .map_err(|error| format!("cannot read {path:?}: {error}"))?;
            return Ok(Self::MaxMind(reader));
        }
        let table = NetworkTable::open(path)?;
        let column = table.column(field.word())?;
        Ok(Self::Csv(Networks::new(
            table
                .rows
                .iter()
                .map(|row| (row.network, row.record.get(column).unwrap_or_default().to_owned())),
        )))
    }

    /// What is known of an address; an error is one of the database.
    fn get(&self, address: IpAddr, field: Field) -> Result<Option<String>, MaxMindDbError> {
        match self {
            Self::Csv(networks) => Ok(networks.get(address).cloned()),
            // A database of IPv4 alone knows no other address.
            Self::MaxMind(reader) if address.is_ipv6() && reader.metadata().ip_version == 4 => {
                Ok(None)
            }
            Self::MaxMind(reader) => {
                let found = reader.lookup(address)?;
                if field == Field::Asn {
                    let number: Option<u32> = found.decode_path(field.path())?;
                    return Ok(number.map(|number| number.to_string()));
                }
                found.decode_path(field.path())
            }
        }
    }
}

impl RowOp for Lookup {
    fn make(&self, inputs: &Inputs<'_>) -> Result<Vec<ArrayRef>, FeatureError> {
        let mut failed = None;
        let found = |text: &str| match self.table.get(address(text)?, self.field) {
            Ok(found) => found.filter(|found| !found.is_empty()),
            Err(error) => {
                failed.get_or_insert((text.to_owned(), error));
                None
            }
        };
        let made = inputs.first().texts()?.map(found)?;
        if let Some((text, error)) = failed {
            inputs.note(format!(
                "{text:?} of column {:?} cannot be looked up, and others may not be: {error}",
                inputs.names[0]
            ));
        }
        Ok(vec![made])
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{made_in, refused_in, texts_of};

    const ADDRESSES: (&str, &[Option<&str>]) =
        ("a", &[Some("1.2.3.4"), Some("200.2.3.4"), Some("2001:db8::1"), Some("name"), None]);

    /// A database of IPv4 with one network, 0.0.0.0/1, and a record of two fields.
    ///
    /// One node of two 24-bit records: the left leads to the data, the right to nothing.
    fn tiny_database() -> Vec<u8> {
        fn text(text: &str) -> Vec<u8> {
            let mut bytes = vec![(2 << 5) | text.len() as u8];
            bytes.extend(text.bytes());
            bytes
        }
        fn number(kind: u8, value: u16) -> Vec<u8> {
            let [high, low] = value.to_be_bytes();
            vec![(kind << 5) | 2, high, low]
        }
        fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
            let mut bytes = vec![(7 << 5) | entries.len() as u8];
            for (key, value) in entries {
                bytes.extend(text(key));
                bytes.extend(value);
            }
            bytes
        }
        let nodes = 1_u8;
        // A record beyond the nodes is a place in the data, behind 16 bytes of zeros.
        let mut bytes = vec![0, 0, nodes + 16, 0, 0, nodes];
        bytes.extend([0; 16]);
        bytes.extend(map(&[
            ("country", map(&[("iso_code", text("NO"))])),
            ("autonomous_system_number", number(6, 2119)),
        ]));
        bytes.extend(b"\xab\xcd\xefMaxMind.com");
        bytes.extend(map(&[
            ("node_count", number(6, nodes.into())),
            ("record_size", number(5, 24)),
            ("ip_version", number(5, 4)),
            ("database_type", text("Test")),
            ("languages", vec![0, 4]),
            ("binary_format_major_version", number(5, 2)),
            ("binary_format_minor_version", number(5, 0)),
            // A number of 64 bits: the kinds beyond 7 stand in a byte of their own.
            ("build_epoch", vec![1, 2, 1]),
            ("description", map(&[])),
        ]));
        bytes
    }

    #[test]
    fn an_address_is_looked_up_in_a_database() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("t.mmdb"), tiny_database()).unwrap();
        for (field, expected) in [("country", Some("NO")), ("asn", Some("2119")), ("city", None)] {
            let column =
                format!("name = 'b'\nop = 'lookup'\nof = 'a'\nfile = 't.mmdb'\nfield = '{field}'");
            let batch = made_in(dir.path(), &column, &[ADDRESSES]);
            assert_eq!(texts_of(&batch, "b"), [expected, None, None, None, None], "{field}");
        }
    }

    #[test]
    fn an_address_is_looked_up_in_a_table() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(
            dir.path().join("t.csv"),
            "network,country,city,asn\n1.0.0.0/8,AU,,13335\n1.2.3.0/24,NO,Oslo,2119\n2001:db8::/32,NL,,\n",
        )
        .unwrap();
        for (field, expected) in [
            ("country", [Some("NO"), None, Some("NL"), None, None]),
            ("city", [Some("Oslo"), None, None, None, None]),
            ("asn", [Some("2119"), None, None, None, None]),
        ] {
            let column =
                format!("name = 'b'\nop = 'lookup'\nof = 'a'\nfile = 't.csv'\nfield = '{field}'");
            assert_eq!(
                texts_of(&made_in(dir.path(), &column, &[ADDRESSES]), "b"),
                expected,
                "{field}"
            );
        }
        let column = "name = 'b'\nop = 'lookup'\nof = 'a'\nfile = 't.csv'\nfield = 'organization'";
        assert_eq!(
            refused_in(dir.path(), column),
            [format!(
                "f.toml line 6: column \"b\": file: {:?} has no column \"organization\"; its columns are network, country, city, asn",
                dir.path().join("t.csv")
            )]
        );
    }
}
