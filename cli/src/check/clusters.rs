//! The clusters of an Envoy configuration, and whether a cluster makes sure that the right server sends the keys.

use super::yaml::{Node, Position};

/// The clusters of a file.
#[derive(Debug, Default)]
pub(super) struct Clusters {
    known: Vec<Node>,
    /// Whether the file is a bootstrap, and nothing else can add clusters.
    are_all: bool,
}

/// The TLS settings of a cluster.
enum Tls<'a> {
    /// Not in the file, or in a form that is not examined here.
    Unknown,
    None,
    Context(&'a Node),
}

impl Clusters {
    /// The static clusters of these documents.
    pub(super) fn of(documents: &[Node]) -> Self {
        let mut clusters = Self::default();
        for document in documents {
            let Some(resources) = member(document, "static_resources") else { continue };
            clusters.known.extend(member(resources, "clusters").map_or(&[][..], Node::elements).iter().cloned());
            let dynamic = member(document, "dynamic_resources");
            clusters.are_all = dynamic.is_none_or(|dynamic| member(dynamic, "cds_config").is_none());
        }
        clusters
    }

    /// Where a cluster is in the file.
    pub(super) fn position(&self, name: &str) -> Option<Position> {
        self.get(name).map(|cluster| cluster.position)
    }

    /// Whether the file has this cluster and it uses TLS.
    pub(super) fn has_tls(&self, name: &str) -> bool {
        self.get(name).is_some_and(|cluster| matches!(tls(cluster), Tls::Context(_)))
    }

    /// What is not advisable about a cluster that keys are fetched through, for an `https:` URL or for an `http:` URL.
    /// The first value is false if the cluster is not in the file.
    pub(super) fn advice(&self, name: &str, is_https: bool) -> Vec<(bool, String)> {
        let Some(cluster) = self.get(name) else {
            let text =
                format!("the file has no cluster {name:?}, so no keys can be fetched. Add it to static_resources");
            return if self.are_all { vec![(false, text)] } else { Vec::new() };
        };
        let advice = match tls(cluster) {
            Tls::None if is_https => vec![format!(
                "the URL is https, but the cluster {name:?} has no TLS. https in the URL does not turn it on: add a \
                 transport_socket to the cluster"
            )],
            Tls::None | Tls::Unknown => Vec::new(),
            Tls::Context(context) => [server_name(cluster, context), certificate(cluster, context)]
                .into_iter()
                .flatten()
                .map(|problem| format!("the cluster {name:?} {problem}"))
                .collect(),
        };
        advice.into_iter().map(|text| (true, text)).collect()
    }

    fn get(&self, name: &str) -> Option<&Node> {
        self.known.iter().find(|cluster| cluster.text_of("name") == Some(name))
    }
}

fn tls(cluster: &Node) -> Tls<'_> {
    if member(cluster, "transport_socket_matches").is_some() {
        return Tls::Unknown;
    }
    let Some(socket) = member(cluster, "transport_socket") else { return Tls::None };
    // It can be inside of another one, such as that of the PROXY protocol.
    if let Some(context) = with_type(socket, "UpstreamTlsContext") {
        return Tls::Context(context);
    }
    if with_type(socket, "RawBuffer").is_some() { Tls::None } else { Tls::Unknown }
}

/// What is wrong with the name that Envoy asks the server for.
fn server_name(cluster: &Node, context: &Node) -> Option<&'static str> {
    let is_set =
        member(context, "sni").is_some() || is_true(context, "auto_host_sni") || has_option(cluster, "auto_sni");
    (!is_set).then_some(
        "has no sni. Many servers then answer with the certificate of another host, or not at all. Set it to the host \
         of the URL",
    )
}

/// What is wrong with how Envoy checks the certificate.
fn certificate(cluster: &Node, context: &Node) -> Option<&'static str> {
    let common = member(context, "common_tls_context");
    let of_common = |name| common.and_then(|common| member(common, name));
    let combined = of_common("combined_validation_context");
    let validation = of_common("validation_context")
        .or_else(|| combined.and_then(|combined| member(combined, "default_validation_context")));
    // The rest is in a secret that is not in the file.
    let is_incomplete = combined.is_some() || of_common("validation_context_sds_secret_config").is_some();
    let has = |names: &[&str]| names.iter().any(|name| validation.and_then(|rules| member(rules, name)).is_some());
    let is_pinned = has(&["verify_certificate_spki", "verify_certificate_hash", "custom_validator_config"]);
    let accepts_any = validation.and_then(|rules| member(rules, "trust_chain_verification")).and_then(Node::text)
        == Some("ACCEPT_UNTRUSTED");
    let has_ca = has(&["trusted_ca", "system_root_certs", "ca_certificate_provider_instance"]);
    let has_name = has(&["match_typed_subject_alt_names", "match_subject_alt_names"])
        || is_true(context, "auto_sni_san_validation")
        || has_option(cluster, "auto_san_validation");
    if accepts_any || !has_ca && !is_pinned && !is_incomplete {
        Some(
            "accepts every certificate, so anyone who can redirect the connection can send keys. Add trusted_ca and \
             match_typed_subject_alt_names",
        )
    } else if !has_name && !is_pinned && !is_incomplete {
        Some(
            "accepts every certificate of its CAs, for whatever name, so anyone who has one and can redirect the \
             connection can send keys. Add match_typed_subject_alt_names with the host of the URL",
        )
    } else {
        None
    }
}

/// Whether the HTTP options of a cluster have this field of `upstream_http_protocol_options` set to true.
fn has_option(cluster: &Node, name: &str) -> bool {
    let options = member(cluster, "typed_extension_protocol_options").map_or(&[][..], Node::entries);
    let all = options.iter().map(|(_, options)| options).chain([cluster]);
    let mut of_http = all.filter_map(|options| member(options, "upstream_http_protocol_options"));
    of_http.any(|options| is_true(options, name))
}

/// The first value inside of `node`, or itself, whose `@type` is this message.
fn with_type<'a>(node: &'a Node, message: &str) -> Option<&'a Node> {
    let is_this = node.text_of("@type").and_then(|url| url.rsplit('.').next()) == Some(message);
    if is_this {
        return Some(node);
    }
    let children = node.elements().iter().chain(node.entries().iter().map(|(_, value)| value));
    children.into_iter().find_map(|child| with_type(child, message))
}

fn is_true(node: &Node, name: &str) -> bool {
    member(node, name).and_then(Node::text) == Some("true")
}

/// A field of a protobuf message, which has two spellings: `trusted_ca` and `trustedCa`.
fn member<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    let camel = words.fold(first, |camel, word| {
        let (initial, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        camel + &initial.to_ascii_uppercase() + rest
    });
    node.get(name).or_else(|| node.get(&camel))
}
