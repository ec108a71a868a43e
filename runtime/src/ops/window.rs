//! What convolutions and pools share: images and windows free of layouts, and the sizes of their outputs.

use crate::graph::Call;

/// Sizes of an image by what its axes mean, and the stride of each, in elements: `[batch, channel, row, column]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Image {
    pub(crate) sizes: [usize; 4],
    pub(crate) strides: [usize; 4],
}

impl Image {
    /// A packed image in a layout, `nchw` or `nhwc`.
    pub(super) fn new(name: &str, shape: &[usize], layout: &str) -> Result<Self, String> {
        Ok(Self::of(pick(name, shape, layout, "nchw", &["nchw", "nhwc"])?))
    }

    /// Sizes as they are, packed in a layout that was read before.
    pub(super) fn packed(sizes: [usize; 4], layout: &str) -> Self {
        let [_, c, h, w] = sizes;
        let strides = if layout == "nhwc" { [h * w * c, 1, w * c, c] } else { [c * h * w, h * w, w, 1] };
        Self { sizes, strides }
    }

    /// Its shape in a layout.
    pub(super) fn shape(&self, layout: &str) -> Vec<usize> {
        let [n, c, h, w] = self.sizes;
        if layout == "nhwc" { vec![n, h, w, c] } else { vec![n, c, h, w] }
    }

    fn of((sizes, strides): ([usize; 4], [usize; 4])) -> Self {
        Self { sizes, strides }
    }
}

/// Sizes and strides of a packed tensor whose axes stand in the order of `layout`, in the order of `wanted`.
pub(super) fn pick(name: &str, shape: &[usize], layout: &str, wanted: &str, known: &[&str]) -> Result<([usize; 4], [usize; 4]), String> {
    if !known.contains(&layout) {
        return Err(format!("the layout of `{name}` must be {}, found `{layout}`", known.join(" or ")));
    }
    if shape.len() != 4 {
        return Err(format!("`{name}` must have rank 4, found {shape:?}"));
    }
    let place = |axis: usize| layout.bytes().position(|letter| letter == wanted.as_bytes()[axis]).unwrap_or_default();
    let stride = |axis: usize| shape[place(axis) + 1..].iter().product();
    Ok((std::array::from_fn(|axis| shape[place(axis)]), std::array::from_fn(stride)))
}

/// How a window moves over the rows and columns of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Rows and columns of the window.
    pub(crate) sizes: [usize; 2],
    /// `[before rows, after rows, before columns, after columns]`
    pub(crate) padding: [usize; 4],
    pub(crate) strides: [usize; 2],
    pub(crate) dilations: [usize; 2],
}

impl Window {
    /// The options `padding`, `strides` and `dilations` of a call.
    pub(super) fn new(call: &Call<'_>, sizes: [usize; 2]) -> Result<Self, String> {
        let window = Self {
            sizes,
            padding: list(call, "padding")?.unwrap_or([0; 4]),
            strides: list(call, "strides")?.unwrap_or([1; 2]),
            dilations: list(call, "dilations")?.unwrap_or([1; 2]),
        };
        for (name, numbers) in [("window", window.sizes), ("strides", window.strides), ("dilations", window.dilations)] {
            if numbers.contains(&0) {
                return Err(format!("`{name}` {numbers:?} contains 0"));
            }
        }
        Ok(window)
    }

    /// Refuses windows and padded images that would be no tensors.
    pub(super) fn check(&self, image: &Image) -> Result<(), String> {
        let [batches, channels, rows, columns] = image.sizes.map(|size| size as i128);
        let padded = batches * channels * (rows + self.padded(0)) * (columns + self.padded(1));
        let window = self.sizes.iter().map(|size| *size as i128).product();
        if [padded, window].iter().all(|count| *count <= i128::from(i32::MAX)) {
            return Ok(());
        }
        Err(format!("the padded image would have {padded} elements, a window {window}; at most {} are possible", i32::MAX))
    }

    /// Rows or columns that one window spans.
    fn extent(&self, axis: usize) -> i128 {
        (self.sizes[axis] as i128 - 1) * self.dilations[axis] as i128 + 1
    }

    fn padded(&self, axis: usize) -> i128 {
        self.padding[2 * axis] as i128 + self.padding[2 * axis + 1] as i128
    }

    /// Positions of the window over so many rows or columns: whole ones, and with partial ones.
    pub(super) fn positions(&self, axis: usize, size: usize) -> (i128, i128) {
        let (room, stride) = (size as i128 - self.extent(axis) + self.padded(axis), self.strides[axis] as i128);
        (room.div_euclid(stride) + 1, -(-room).div_euclid(stride) + 1)
    }

    /// Rows or columns that a transposed convolution makes of so many.
    pub(super) fn spread(&self, axis: usize, size: usize) -> i128 {
        (size as i128 - 1) * self.strides[axis] as i128 + self.extent(axis) - self.padded(axis)
    }

    /// The place in the input that entry `entry` of the window at `position` reads; nothing in the padding.
    #[cfg(feature = "cpu")]
    pub(crate) fn place(&self, axis: usize, position: usize, entry: usize, size: usize) -> Option<usize> {
        let place = position * self.strides[axis] + entry * self.dilations[axis];
        place.checked_sub(self.padding[2 * axis]).filter(|place| *place < size)
    }
}

/// An optional list of exactly so many numbers.
pub(super) fn list<const N: usize>(call: &Call<'_>, name: &str) -> Result<Option<[usize; N]>, String> {
    let Some(numbers) = call.optional_ints(name) else { return Ok(None) };
    let array = numbers.try_into().map_err(|_| format!("`{name}` must have {N} entries, found {numbers:?}"))?;
    Ok(Some(array))
}

/// A size that a tensor may have.
pub(super) fn dimension(size: i128, what: &str) -> Result<usize, String> {
    if (1..=i128::from(i32::MAX)).contains(&size) { Ok(size as usize) } else { Err(format!("the output would have {size} {what}")) }
}
