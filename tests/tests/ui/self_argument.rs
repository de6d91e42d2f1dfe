use taktline::prelude::*;

struct Site {
    pages: u64,
}

impl Site {
    #[stage]
    async fn fetch(&self, page: u64) -> u64 {
        page % self.pages
    }

    #[sink]
    async fn store(&mut self, page: u64) {
        self.pages += page;
    }

    #[source]
    async fn pages(self, out: Out<u64>) {
        out.send(self.pages).await;
    }
}

fn main() {}
