//! The parts of an address.

use crate::error::StorageError;
use object_store::path::Path as Key;

/// What an address begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Amazon S3 and what speaks its language.
    S3,
    /// Google Cloud Storage.
    Gs,
    /// Azure Blob Storage.
    Az,
    /// Any web server: single objects, nothing to list.
    Http,
}

/// An address in its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// As typed.
    pub text: &'a str,
    /// Whose client reads it.
    pub scheme: Scheme,
    /// Bucket, container or host.
    pub bucket: &'a str,
    /// What follows, without the slash between.
    pub key: &'a str,
}

impl<'a> Address<'a> {
    /// Takes an address apart.
    ///
    /// # Errors
    /// [`StorageError::Address`]: an unknown scheme, or nothing behind it.
    pub fn parse(text: &'a str) -> Result<Self, StorageError> {
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        let known = match scheme.to_ascii_lowercase().as_str() {
            "s3" => Scheme::S3,
            "gs" => Scheme::Gs,
            "az" => Scheme::Az,
            "http" | "https" => Scheme::Http,
            _ => {
                let schemes = "a path, s3://, gs://, az://, http://, https://";
                return Err(refuse(text, format!("unknown scheme \"{scheme}://\""), schemes));
            }
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            let form = format!("{scheme}://NAME/PATH");
            return Err(refuse(text, "no bucket, container or host".to_owned(), &form));
        }
        Ok(Self { text, scheme: known, bucket, key })
    }

    /// The address of another key in the same bucket.
    pub fn of(&self, key: &str) -> String {
        format!("{}{key}", &self.text[..self.text.len() - self.key.len()])
    }

    /// A part of the key in the client's form.
    ///
    /// # Errors
    /// [`StorageError::Address`]: no client takes such a key.
    pub fn key(&self, key: &str) -> Result<Key, StorageError> {
        if self.scheme == Scheme::Http {
            // The client's base is the whole address, with its query.
            return Ok(Key::default());
        }
        let names = "names between single slashes, none of them \".\" or \"..\"";
        Key::parse(key).map_err(|_| refuse(self.text, format!("unusable key \"{key}\""), names))
    }
}

/// An address that cannot be used: why, and what would be accepted.
pub fn refuse(address: &str, cause: String, accepted: &str) -> StorageError {
    StorageError::Address { address: address.to_owned(), cause, accepted: accepted.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_parts() {
        let address = Address::parse("s3://logs/a b/c=1/x.csv").unwrap();
        assert_eq!(
            (address.scheme, address.bucket, address.key),
            (Scheme::S3, "logs", "a b/c=1/x.csv")
        );
        assert_eq!(address.of("y.csv"), "s3://logs/y.csv");
        assert_eq!(Address::parse("s3://logs").unwrap().of(""), "s3://logs");
        assert_eq!(Address::parse("https://host:80/a?b=c/d").unwrap().scheme, Scheme::Http);
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_would_be() {
        let words = |text| Address::parse(text).unwrap_err().to_string();
        assert_eq!(
            words("ftp://x/y"),
            "unknown scheme \"ftp://\": \"ftp://x/y\"; expected a path, s3://, gs://, az://, http://, https://"
        );
        assert!(words("s3:///y").starts_with("no bucket"), "{}", words("s3:///y"));
        let address = Address::parse("s3://b/a//b").unwrap();
        assert!(address.key("a//b").unwrap_err().to_string().contains("unusable key \"a//b\""));
    }
}
