//! How a run ends when it does not end well.

/// Why a run did not succeed; each variant has its exit code.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// What was asked for makes no sense: exit code 2.
    #[error("{}", .0.join("\n"))]
    Usage(Vec<String>),
    /// The run failed: exit code 1.
    #[error("{0}")]
    Failed(String),
    /// Files were read, and none had a row: exit code 1.
    #[error(transparent)]
    NoRows(dfp_logs::LogError),
    /// What was to be read together does not fit into memory: exit code 1, unless it is then read in parts.
    #[error(transparent)]
    Overflow(dfp_logs::LogError),
    /// The run was asked to stop before there was anything to finish: exit code 130.
    #[error("interrupted")]
    Interrupted,
}

impl From<arrow_schema::ArrowError> for RunError {
    fn from(error: arrow_schema::ArrowError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<dfp_logs::LogError> for RunError {
    fn from(error: dfp_logs::LogError) -> Self {
        match error {
            dfp_logs::LogError::NoRows { .. } => Self::NoRows(error),
            dfp_logs::LogError::Overflow { .. } => Self::Overflow(error),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<dfp_alerts::AlertError> for RunError {
    fn from(error: dfp_alerts::AlertError) -> Self {
        match error {
            dfp_alerts::AlertError::Column(error) => error.into(),
        }
    }
}

impl From<dfp_connectors::ConnectorError> for RunError {
    fn from(error: dfp_connectors::ConnectorError) -> Self {
        match error {
            dfp_connectors::ConnectorError::Log(error) => error.into(),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<dfp_features::FeatureError> for RunError {
    fn from(error: dfp_features::FeatureError) -> Self {
        match error {
            dfp_features::FeatureError::Io(error) => error.into(),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<dfp_registry::RegistryError> for RunError {
    fn from(error: dfp_registry::RegistryError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<dfp_report::ReportError> for RunError {
    fn from(error: dfp_report::ReportError) -> Self {
        match error {
            dfp_report::ReportError::Column(error) => error.into(),
            error => Self::Failed(error.to_string()),
        }
    }
}

impl From<dfp_storage::StorageError> for RunError {
    fn from(error: dfp_storage::StorageError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<dfp_model::ModelError> for RunError {
    fn from(error: dfp_model::ModelError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<dfp_synth::GenerateError> for RunError {
    fn from(error: dfp_synth::GenerateError) -> Self {
        Self::Failed(error.to_string())
    }
}
