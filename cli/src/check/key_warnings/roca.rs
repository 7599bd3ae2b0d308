//! Recognises RSA keys of a flawed generator (CVE-2017-15361, "ROCA").
//!
//! The generator made each prime as `k * M + (65537^a mod M)`, where `M` is the product of the first primes, so a
//! modulus is a power of 65537 modulo `M` [Nemec et al., The Return of Coppersmith's Attack, ACM CCS 2017, section 2].
//! The probability that another generator makes such a modulus by chance is negligible.

/// The odd primes of `M` for the shortest keys that the flaw was found in; those of longer keys contain them.
const PRIMES: [u32; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
    113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

const GENERATOR: u32 = 65537;

/// Whether a big-endian modulus is a power of 65537 modulo all primes together: for each prime the exponent is known
/// modulo the order of 65537, and all of these must be of one exponent.
pub(super) fn has_fingerprint(modulus: &[u8]) -> bool {
    let logarithms: Option<Vec<Logarithm>> = PRIMES.iter().map(|&prime| Logarithm::of(modulus, prime)).collect();
    logarithms.is_some_and(|all| {
        // Congruences have a common solution if each two of them have one.
        all.iter().enumerate().all(|(index, one)| all[..index].iter().all(|other| one.agrees_with(other)))
    })
}

/// An exponent, known modulo the order of 65537.
struct Logarithm {
    exponent: u32,
    order: u32,
}

impl Logarithm {
    /// The logarithm of a number to the base 65537 modulo `prime`, if it has one.
    fn of(number: &[u8], prime: u32) -> Option<Self> {
        let wanted = number.iter().fold(0, |rest, &byte| (rest * 256 + u32::from(byte)) % prime);
        let powers = || std::iter::successors(Some(1), |power| Some(power * (GENERATOR % prime) % prime));
        let order = (1..).zip(powers().skip(1)).find(|&(_, power)| power == 1)?.0;
        let exponent = (0..order).zip(powers()).find(|&(_, power)| power == wanted)?.0;
        Some(Self { exponent, order })
    }

    fn agrees_with(&self, other: &Self) -> bool {
        let common = greatest_common_divisor(self.order, other.order);
        self.exponent % common == other.exponent % common
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of the flawed generator, published with the detector of those who found the flaw.
    const FLAWED: &str = "\
        9dcd7420e420c270a68060eb8b5aa7457a9f6648f86fafed2775cc1f79ae962f1e63f1b9e51c55f9ea6fdc7332e9b0058c9f\
        f2eb1fc89855029cf6aafe21e689feb38ac9ffb12f1ce371bb5d0e9aae64161abce74b4244bf68f1edb4411f756a097c8929\
        c14740245ea355f8332d1aa36bb50c7dcb4505da8de02e4e53d38f8df06097da7524df0df93db48eac8cc4af2d3a16257eb2\
        b2adca6ba464e5974fa92550d31b1babf161e7692d00b86e3dd886ecab4abfbe1a8f8cc263ff4af55cdb45f4249a5193925f\
        5e983d762f0b6800943eb0267b08f42ed311ce1f5c86eacbc8ce4d3cb7a2fee1ef5641423a1cf4114e5ecf50034a60a41252\
        3af9e6f4aa11";
    /// A sound key, from the same place.
    const SOUND: &str = "\
        af659676197f1db06da7ac111a0a0ec175b8b7ef07192ffcd1f6b854c327785f1a7fd3db7da45cd4a31b2b2e5ce0d823a68e\
        28c8adf1747316becce1fe5768064039ad2062260c8d1a34e0586dce9bc13090fcc9fb8b8b2c08ed3ae8d61b29818a669689\
        a7d9c1dab053b557fb8d3f9c44faad3e18c55e739b00d3c9126558bc8e980cd2af377126ef5b1374136774b8bd370e3c1c14\
        9db395c8f99696b628b105946fea20106fe24d103ac062661a9248e8c3f628e00b308d33953aabe555132e218e74ef4b5787\
        16b4fe7cf340e8e604a319bf6e9951e1942601d34291032db54999d09e5d036dde3544ad35256bbb97d5e3fffd38166c21ea\
        e9199548853b";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
    }

    #[test]
    fn a_flawed_key_is_recognised_and_a_sound_one_is_not() {
        assert!(has_fingerprint(&bytes(FLAWED)));
        assert!(!has_fingerprint(&bytes(SOUND)));
        let mut changed = bytes(FLAWED);
        changed[255] += 16;
        assert!(!has_fingerprint(&changed));
    }

    /// From the published detector's tests: a power of 65537 modulo each of the primes, but not with one exponent for
    /// all.
    #[test]
    fn a_modulus_that_matches_each_prime_only_on_its_own_is_not_flawed() {
        let fake = bytes(
            "\
            671f033425b5ae00140c5b04dbcaeada430ae348cf3bf18d6ec4621ea824c52dd2b0ac85762b28a5d39ff23da73d4fcb241b\
            f97b696e403eca234e05db9fe9ace2da265887c7b2ac7f9e7ed5bf6d919d43286776cf57c07d3411e15f729fa6e563858059\
            334d072638d9dfbfc4f32474b6c6071092f5a961a7271f3209b37d9d",
        );
        assert!(PRIMES.iter().all(|&prime| Logarithm::of(&fake, prime).is_some()));
        assert!(!has_fingerprint(&fake));
    }

    #[test]
    fn numbers_at_the_edges_have_an_answer() {
        assert!(!has_fingerprint(&[]));
        assert!(!has_fingerprint(&[0; 256]));
        // 65537 to the power of 0 and of 1.
        assert!(has_fingerprint(&[1]));
        assert!(has_fingerprint(&[1, 0, 1]));
    }
}
