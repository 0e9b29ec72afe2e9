//! The tools of the image that need no memory, one file each.

mod add;
mod analyze;
mod base64_decode;
mod base64_encode;
mod decimal;
mod divide;
mod hash;
mod html_to_text;
mod html_tree;
mod json;
mod json_format;
mod json_parse;
mod json_path;
mod json_query;
mod json_transform;
mod lowercase;
mod multiply;
mod reverse;
mod search;
mod split;
mod subtract;
#[cfg(test)]
mod tests;
mod time;
mod uppercase;
mod xml_parse;

use std::sync::Arc;

use serde_json::Value;
use skreaver_protocol::Builtin;

#[cfg(feature = "workers")]
use crate::{Function, ToolError, function};
use crate::{Pure, Tool};

/// The one list: the name by which a tool is listed, the function behind it, and the public type.
macro_rules! functions {
    ($($builtin:ident: $function:path as $tool:ident,)+) => {
        $(
            #[doc = concat!("[`Builtin::", stringify!($builtin), "`] as a tool.")]
            pub type $tool = Pure<$function>;
        )+

        /// The tool behind a built-in name; none behind those that need memory or do something to the world, which is not here.
        pub fn builtin(builtin: Builtin) -> Option<Arc<dyn Tool>> {
            Some(match builtin {
                $(Builtin::$builtin => Arc::new($tool::new()),)+
                Builtin::HttpGet
                | Builtin::HttpPost
                | Builtin::HttpPut
                | Builtin::HttpPatch
                | Builtin::HttpDelete
                | Builtin::FileRead
                | Builtin::FileWrite
                | Builtin::FileAppend
                | Builtin::FileDelete
                | Builtin::FileStat
                | Builtin::DirectoryList
                | Builtin::DirectoryCreate
                | Builtin::Remember
                | Builtin::Recall => return None,
            })
        }

        /// The function of a name, as a worker calls it.
        #[cfg(feature = "workers")]
        pub(crate) fn function_of(name: &str) -> Option<fn(Value) -> Result<Value, ToolError>> {
            [$((<$function>::NAME, function::call::<$function> as fn(_) -> _)),+]
                .into_iter()
                .find_map(|(known, call)| (known == name).then_some(call))
        }
    };
}

functions! {
    Uppercase: uppercase::Uppercase as TextUppercaseTool,
    Lowercase: lowercase::Lowercase as TextLowercaseTool,
    Reverse: reverse::Reverse as TextReverseTool,
    Split: split::Split as TextSplitTool,
    Analyze: analyze::Analyze as TextAnalyzeTool,
    Search: search::Search as TextSearchTool,
    Add: add::Add as AddTool,
    Subtract: subtract::Subtract as SubtractTool,
    Multiply: multiply::Multiply as MultiplyTool,
    Divide: divide::Divide as DivideTool,
    JsonParse: json_parse::JsonParse as JsonParseTool,
    JsonFormat: json_format::JsonFormat as JsonFormatTool,
    JsonQuery: json_query::JsonQuery as JsonQueryTool,
    JsonTransform: json_transform::JsonTransform as JsonTransformTool,
    XmlParse: xml_parse::XmlParse as XmlParseTool,
    HtmlToText: html_to_text::HtmlToText as HtmlToTextTool,
    Base64Encode: base64_encode::Base64Encode as Base64EncodeTool,
    Base64Decode: base64_decode::Base64Decode as Base64DecodeTool,
    Hash: hash::Hash as HashTool,
    Time: time::Time as TimeTool,
}

/// A text that is a JSON object with these members, as its arguments: the way to reach a tool's options from a bare text.
fn object_with(text: &str, members: &[&str]) -> Option<Value> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    serde_json::from_str(text).ok().filter(|value: &Value| members.iter().all(|member| value.get(member).is_some()))
}
