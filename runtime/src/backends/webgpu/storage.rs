//! How elements lie in buffers, and what they are in a shader. Every data type of WebNN has a storage; none is narrowed.
//!
//! WGSL without extensions has f32, i32 and u32. Smaller elements share the words of a `u32` array; float16 is computed in float32 and
//! rounded once when it is stored; integers of 64 bits are pairs of words, low one first, with arithmetic of their own
//! (`kernels/integer64.wgsl`).

use crate::graph::DataType;

/// How an element is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    F32,
    F16,
    I32,
    U32,
    I64,
    U64,
    I8,
    U8,
    I4,
    U4,
    /// The bits of a float16, where elements only move.
    U16,
}

impl Storage {
    /// The storage of a data type.
    pub(crate) const fn of(data_type: DataType) -> Self {
        match data_type {
            DataType::Float32 => Storage::F32,
            DataType::Float16 => Storage::F16,
            DataType::Int32 => Storage::I32,
            DataType::Uint32 => Storage::U32,
            DataType::Int64 => Storage::I64,
            DataType::Uint64 => Storage::U64,
            DataType::Int8 => Storage::I8,
            DataType::Uint8 => Storage::U8,
            DataType::Int4 => Storage::I4,
            DataType::Uint4 => Storage::U4,
        }
    }

    /// The storage that moves the same bits as whole numbers: what no arithmetic can change.
    pub(crate) const fn raw(self) -> Self {
        match self {
            Storage::F32 | Storage::I32 | Storage::U32 => Storage::U32,
            Storage::F16 | Storage::U16 => Storage::U16,
            Storage::I64 | Storage::U64 => Storage::U64,
            Storage::I8 | Storage::U8 => Storage::U8,
            Storage::I4 | Storage::U4 => Storage::U4,
        }
    }

    /// The WGSL type that a loaded element has.
    pub(crate) const fn scalar(self) -> &'static str {
        match self {
            Storage::F32 | Storage::F16 => "f32",
            Storage::I32 | Storage::I8 | Storage::I4 => "i32",
            Storage::U32 | Storage::U8 | Storage::U4 | Storage::U16 => "u32",
            Storage::I64 | Storage::U64 => "vec2<u32>",
        }
    }

    /// Bits of an element.
    pub(crate) const fn bits(self) -> usize {
        match self {
            Storage::I64 | Storage::U64 => 64,
            Storage::F32 | Storage::I32 | Storage::U32 => 32,
            Storage::F16 | Storage::U16 => 16,
            Storage::I8 | Storage::U8 => 8,
            Storage::I4 | Storage::U4 => 4,
        }
    }

    /// Elements that share a word; 1 where they have one or two of their own.
    pub(crate) const fn per_word(self) -> usize {
        if self.bits() < 32 { 32 / self.bits() } else { 1 }
    }

    /// True where elements share words.
    pub(crate) const fn is_packed(self) -> bool {
        self.bits() < 32
    }

    /// True for the integers of 64 bits, of which no vector of four is made.
    pub(crate) const fn is_wide(self) -> bool {
        self.bits() == 64
    }

    /// The element of a binding's array.
    pub(crate) fn element(self, width: usize) -> String {
        match self {
            _ if self.is_packed() => String::from("u32"),
            _ if width == 4 => format!("vec4<{}>", self.scalar()),
            _ => self.scalar().to_owned(),
        }
    }

    /// Element `index` of `buffer`.
    pub(crate) fn load(self, buffer: &str, index: &str) -> String {
        match self {
            Storage::F16 => format!("unpack2x16float({buffer}[({index}) >> 1u] >> ((({index}) & 1u) * 16u)).x"),
            Storage::U16 => format!("({buffer}[({index}) >> 1u] >> ((({index}) & 1u) * 16u)) & 65535u"),
            Storage::U8 => format!("({buffer}[({index}) >> 2u] >> ((({index}) & 3u) * 8u)) & 255u"),
            Storage::I8 => format!("(bitcast<i32>({buffer}[({index}) >> 2u]) << ((3u - (({index}) & 3u)) * 8u)) >> 24u"),
            Storage::U4 => format!("({buffer}[({index}) >> 3u] >> ((({index}) & 7u) * 4u)) & 15u"),
            Storage::I4 => format!("(bitcast<i32>({buffer}[({index}) >> 3u]) << ((7u - (({index}) & 7u)) * 4u)) >> 28u"),
            _ => format!("{buffer}[{index}]"),
        }
    }

    /// Elements `4 · index` to `4 · index + 3` of packed elements in `buffer`.
    pub(crate) fn load_four(self, buffer: &str, index: &str) -> String {
        let half = format!("({buffer}[({index}) >> 1u] >> ((({index}) & 1u) * 16u))");
        let words = format!("vec4<u32>(vec2<u32>({buffer}[2u * ({index})]), vec2<u32>({buffer}[2u * ({index}) + 1u]))");
        match self {
            Storage::F16 => {
                format!("vec4<f32>(unpack2x16float({buffer}[2u * ({index})]), unpack2x16float({buffer}[2u * ({index}) + 1u]))")
            }
            Storage::U16 => format!("({words} >> vec4<u32>(0u, 16u, 0u, 16u)) & vec4<u32>(65535u)"),
            Storage::U8 => format!("(vec4<u32>({buffer}[{index}]) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u)"),
            Storage::I8 => {
                format!("(vec4<i32>(bitcast<i32>({buffer}[{index}])) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u)")
            }
            Storage::U4 => format!("(vec4<u32>({half}) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u)"),
            Storage::I4 => format!("(vec4<i32>(bitcast<i32>({half})) << vec4<u32>(28u, 24u, 20u, 16u)) >> vec4<u32>(28u)"),
            _ => format!("{buffer}[{index}]"),
        }
    }

    /// The bits of one packed element as a `u32`, or of four as a `vec4<u32>`.
    pub(crate) fn encode(self, value: &str, width: usize) -> String {
        let (number, functions) = if width == 4 { ("vec4<u32>", "m4") } else { ("u32", "m") };
        let mask = (1u64 << self.bits()) - 1;
        match self {
            Storage::F16 => format!("{functions}_half_bits({value})"),
            Storage::U16 => value.to_owned(),
            Storage::I8 | Storage::I4 => format!("(bitcast<{number}>({value}) & {number}({mask}u))"),
            _ => format!("({value} & {number}({mask}u))"),
        }
    }
}
