//! The tools that every runtime image carries. The operator reads this list to resolve references; the runtime must
//! implement each variant, or it does not compile.

use serde::{Deserialize, Serialize};

/// The one list: what a tool is for, its variant, and the name under which agents list it.
macro_rules! builtins {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// A built-in tool, bounded by the size of its input.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Builtin {
            $($(#[$doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl Builtin {
            /// Every built-in tool.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// The name under which agents list the tool.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

builtins! {
    /// Upper-cases a text.
    Uppercase = "uppercase",
    /// Lower-cases a text.
    Lowercase = "lowercase",
    /// Reverses the characters of a text.
    Reverse = "reverse",
    /// Splits a text into parts.
    Split = "split",
    /// Counts characters, words and lines of a text.
    Analyze = "analyze",
    /// Finds a pattern in a text.
    Search = "search",
    /// Adds numbers, exactly.
    Add = "add",
    /// Subtracts a number from another, exactly.
    Subtract = "subtract",
    /// Multiplies numbers, exactly.
    Multiply = "multiply",
    /// Divides a number by another, exactly or to a number of places.
    Divide = "divide",
    /// Reads a JSON text.
    JsonParse = "json_parse",
    /// Writes JSON out, for people or for machines.
    JsonFormat = "json_format",
    /// Finds parts of a JSON document by a JSONPath.
    JsonQuery = "json_query",
    /// Makes a JSON document of another one.
    JsonTransform = "json_transform",
    /// Reads an XML text into JSON.
    XmlParse = "xml_parse",
    /// Reads the text of a web page, as its reader sees it.
    HtmlToText = "html_to_text",
    /// Writes a text in base64.
    Base64Encode = "base64_encode",
    /// Reads base64.
    Base64Decode = "base64_decode",
    /// The SHA-2 digest of a text.
    Hash = "hash",
    /// What time it is.
    Time = "time",
    /// Fetches what stands at a URL.
    HttpGet = "http_get",
    /// Sends something to a URL.
    HttpPost = "http_post",
    /// Puts something at a URL.
    HttpPut = "http_put",
    /// Changes what stands at a URL.
    HttpPatch = "http_patch",
    /// Deletes what stands at a URL.
    HttpDelete = "http_delete",
    /// Reads a file.
    FileRead = "file_read",
    /// Makes a file, or puts a new one in its place.
    FileWrite = "file_write",
    /// Adds to the end of a file.
    FileAppend = "file_append",
    /// Deletes a file.
    FileDelete = "file_delete",
    /// What is known of a file or directory.
    FileStat = "file_stat",
    /// What is in a directory.
    DirectoryList = "directory_list",
    /// Makes a directory.
    DirectoryCreate = "directory_create",
    /// Keeps a text for later. Needs memory.
    Remember = "remember",
    /// Finds texts that were kept. Needs memory.
    Recall = "recall",
}

impl Builtin {
    /// Whether it keeps anything, which only an agent with memory can.
    pub const fn needs_memory(self) -> bool {
        matches!(self, Self::Remember | Self::Recall)
    }

    /// Whether it speaks to hosts that its arguments name.
    pub const fn needs_network(self) -> bool {
        matches!(self, Self::HttpGet | Self::HttpPost | Self::HttpPut | Self::HttpPatch | Self::HttpDelete)
    }

    /// Whether it works in a directory of the agent's own.
    pub const fn needs_files(self) -> bool {
        matches!(
            self,
            Self::FileRead
                | Self::FileWrite
                | Self::FileAppend
                | Self::FileDelete
                | Self::FileStat
                | Self::DirectoryList
                | Self::DirectoryCreate
        )
    }

    /// The built-in tool of this name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|builtin| builtin.name() == name)
    }
}
