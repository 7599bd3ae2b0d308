mod answers;
mod life;
mod running;
