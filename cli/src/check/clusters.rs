//! The clusters of an Envoy configuration, and whether a cluster makes sure that the right server answers.

use std::net::IpAddr;

use super::yaml::{Node, Position};

/// The clusters of a file.
#[derive(Debug, Default)]
pub(super) struct Clusters {
    known: Vec<Node>,
    /// Whether the file is a bootstrap, and nothing else can add clusters.
    are_all: bool,
}

/// What the filter calls a cluster for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Purpose {
    /// It fetches keys, from an `https:` URL or from an `http:` URL.
    Keys { is_https: bool },
    /// It asks the engine of `jtiStore`.
    Jtis,
}

/// The version of HTTP that Envoy speaks to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Http {
    One,
    Two,
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

    /// The version of HTTP that Envoy speaks to a cluster. `None` if the file does not say it.
    pub(super) fn http(&self, name: &str) -> Option<Http> {
        let cluster = self.get(name)?;
        let options = member(cluster, "typed_extension_protocol_options").map_or(&[][..], Node::entries);
        if options.iter().any(|(_, options)| {
            ["auto_config", "use_downstream_protocol_config"].iter().any(|name| member(options, name).is_some())
        }) {
            return None;
        }
        let explicit = options.iter().find_map(|(_, options)| member(options, "explicit_http_config"));
        let has_version_2 = member(explicit.unwrap_or(cluster), "http2_protocol_options").is_some();
        Some(if has_version_2 { Http::Two } else { Http::One })
    }

    /// What is not advisable about a cluster for this purpose. The first value is false if the cluster is not in the
    /// file.
    pub(super) fn advice(&self, name: &str, purpose: Purpose) -> Vec<(bool, String)> {
        let Some(cluster) = self.get(name) else {
            let text = format!(
                "the file has no cluster {name:?}, so {}. Add it to static_resources",
                purpose.without_cluster()
            );
            return if self.are_all { vec![(false, text)] } else { Vec::new() };
        };
        let advice = match (tls(cluster), purpose) {
            (Tls::None, Purpose::Keys { is_https: true }) => vec![format!(
                "the URL is https, but the cluster {name:?} has no TLS. https in the URL does not turn it on: add a \
                 transport_socket to the cluster"
            )],
            (Tls::None, Purpose::Jtis) => other_machine(cluster)
                .map(|host| {
                    format!(
                        "the cluster {name:?} has no TLS: anyone who can change the traffic with {host} can have used \
                         tokens accepted again. Add a transport_socket to the cluster, or use a sidecar on the same \
                         machine"
                    )
                })
                .into_iter()
                .collect(),
            (Tls::None | Tls::Unknown, _) => Vec::new(),
            (Tls::Context(context), _) => {
                [server_name(cluster, context, purpose), certificate(cluster, context, purpose)]
                    .into_iter()
                    .flatten()
                    .map(|problem| format!("the cluster {name:?} {problem}"))
                    .collect()
            }
        };
        advice.into_iter().map(|text| (true, text)).collect()
    }

    fn get(&self, name: &str) -> Option<&Node> {
        self.known.iter().find(|cluster| cluster.text_of("name") == Some(name))
    }
}

impl Purpose {
    /// What happens if the cluster does not exist.
    fn without_cluster(self) -> &'static str {
        match self {
            Self::Keys { .. } => "no keys can be fetched",
            Self::Jtis => "the engine can't be asked",
        }
    }

    /// What someone can do who is taken for the server.
    fn impersonation(self) -> &'static str {
        match self {
            Self::Keys { .. } => "can send keys",
            Self::Jtis => "can have used tokens accepted again",
        }
    }

    /// The name that the certificate must have.
    fn host(self) -> &'static str {
        match self {
            Self::Keys { .. } => "the host of the URL",
            Self::Jtis => "the host of the engine",
        }
    }
}

/// A host of a cluster that is not this machine. `None` if all are, or if the file does not say it.
fn other_machine(cluster: &Node) -> Option<&str> {
    let assignment = member(cluster, "load_assignment")?;
    let localities = member(assignment, "endpoints").map_or(&[][..], Node::elements);
    let endpoints = localities.iter().filter_map(|locality| member(locality, "lb_endpoints"));
    let addresses = endpoints.flat_map(Node::elements).filter_map(|one| {
        let address = member(member(one, "endpoint")?, "address")?;
        member(member(address, "socket_address")?, "address")?.text()
    });
    let is_here = |host: &str| host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    addresses.into_iter().find(|host| !is_here(host))
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
fn server_name(cluster: &Node, context: &Node, purpose: Purpose) -> Option<String> {
    let is_set =
        member(context, "sni").is_some() || is_true(context, "auto_host_sni") || has_option(cluster, "auto_sni");
    (!is_set).then(|| {
        format!(
            "has no sni. Many servers then answer with the certificate of another host, or not at all. Set it to {}",
            purpose.host()
        )
    })
}

/// What is wrong with how Envoy checks the certificate.
fn certificate(cluster: &Node, context: &Node, purpose: Purpose) -> Option<String> {
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
    let impersonation = purpose.impersonation();
    if accepts_any || !has_ca && !is_pinned && !is_incomplete {
        Some(format!(
            "accepts every certificate, so anyone who can redirect the connection {impersonation}. Add trusted_ca and \
             match_typed_subject_alt_names"
        ))
    } else if !has_name && !is_pinned && !is_incomplete {
        Some(format!(
            "accepts every certificate of its CAs, for whatever name, so anyone who has one and can redirect the \
             connection {impersonation}. Add match_typed_subject_alt_names with {}",
            purpose.host()
        ))
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
