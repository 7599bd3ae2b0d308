mod answers;
mod life;
mod limits;
mod metadata;
mod rotation;
mod running;
