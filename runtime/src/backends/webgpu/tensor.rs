//! Tensors between the host and a compiled program's ports. Bytes are stored as the host has them.

use super::compile::Port;
use crate::error::{Error, Result};
use crate::tensor::Tensor;

/// The tensors in the order of the ports.
///
/// **Errors** a name that no port has, a port without a tensor, another type or shape.
pub(super) fn arrange<'a>(ports: &[Port], given: &[(&str, &'a Tensor)]) -> Result<Vec<&'a Tensor>> {
    if let Some((name, _)) = given.iter().find(|(name, _)| ports.iter().all(|port| port.name != *name)) {
        let known = ports.iter().map(|port| port.name.clone()).collect();
        return Err(Error::UnknownInput { name: (*name).to_owned(), known });
    }
    let find = |port: &Port| {
        let expected = port.descriptor.to_string();
        let Some((_, tensor)) = given.iter().find(|(name, _)| *name == port.name) else {
            return Err(Error::MissingInput { name: port.name.clone(), expected });
        };
        if *tensor.descriptor() != port.descriptor {
            return Err(Error::InputMismatch { name: port.name.clone(), expected, found: tensor.descriptor().to_string() });
        }
        Ok(*tensor)
    };
    ports.iter().map(find).collect()
}

/// The outputs, out of the bytes of their buffer.
pub(super) fn read(ports: &[Port], bytes: &[u8]) -> Result<Vec<(String, Tensor)>> {
    let tensor = |port: &Port| {
        let start = port.region.offset as usize;
        let bytes = &bytes[start..start + port.descriptor.byte_length()];
        Ok((port.name.clone(), Tensor::new(port.descriptor.clone(), bytes)?))
    };
    ports.iter().map(tensor).collect()
}
