//! Pictures: decoded, resized and normalized as HF's image processors on PIL do it, and pipelines over them.

mod image_classification;
mod image_features;
mod picture;
mod processor;
mod resize;

pub use image_classification::ImageClassification;
pub use image_features::{ImageFeatureExtraction, ImageFeatures};
pub use picture::Picture;
pub use processor::ImageProcessor;
pub use resize::{Resample, resize};
