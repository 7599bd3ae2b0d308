mod answers;
mod life;
mod limits;
mod running;
