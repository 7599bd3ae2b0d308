mod answers;
mod dpop;
mod life;
mod limits;
mod metadata;
mod rotation;
mod running;
