# VcitaConf - an nginx configuration as a tree, and back as text.  Knows how nginx reads words, blocks, quotes and
# comments, and what `include` means; knows no directive.
#
#   my $tree = VcitaConf->read('/etc/nginx/nginx.conf', find => sub { ($path) });     # includes are in it
#   VcitaConf::walk($tree, sub { my ($d, @above) = @_; ... });     # each directive, with the blocks that it is in
#   print VcitaConf::text($tree);
#
# A directive is { name, args, file, line, block }: args as they are written, quotes and all (plain() takes them off);
# block is a list of directives, undef for one that ends with ";".  What walk's code returns replaces the directive: a
# list of directives, empty to take it away.  find says where an included path or pattern is; die in it, and the
# message gets the place of the include.
package VcitaConf;

use strict;
use warnings;

use File::Basename ();


sub read {
    my ($class, $file, %opt) = @_;
    open my $fh, '<', $file or die "$file: $!\n";
    my $text = do { local $/; <$fh> };

    return included($class->parse($text, $file), File::Basename::dirname($file),
                    $opt{find} // sub { $_[0] }, 0);
}


sub included {
    my ($tree, $base, $find, $depth) = @_;

    return walk($tree, sub {
        my ($d) = @_;
        return $d if $d->{name} ne 'include' || $d->{block};

        my $place = place($d);
        die "$place: includes that include each other\n" if $depth > 20;
        my $path = plain($d->{args}[0] // die "$place: include of nothing\n");
        $path = "$base/$path" unless $path =~ m{^/} || $base eq '.';
        $path = eval { $find->($path) } // die "$place: $@";

        my @files = $path =~ /[*?\[]/ ? sort glob $path : $path;
        return map {
            -r $_ or die "$place: include: $_ cannot be read\n";
            open my $fh, '<', $_ or die "$place: $_: $!\n";
            my $text = do { local $/; <$fh> };
            @{ included(VcitaConf->parse($text, $_), $base, $find, $depth + 1) };
        } @files;
    });
}


sub parse {
    my (undef, $text, $file) = @_;
    my ($line, @words, $at) = (1);
    my @open = ([]);                       # lists of directives, the innermost block last

    my $directive = sub {
        my ($block) = @_;
        @words or die "$file:$line: a directive without a name\n";
        my ($name, @args) = splice @words;
        push @{ $open[-1] }, { name => $name, args => \@args, block => $block, file => $file, line => $at };
    };

    pos($text) = 0;
    while (pos $text < length $text) {
        if ($text =~ /\G\s+/gc || $text =~ /\G#[^\n]*/gc) {
            # nothing
        } elsif ($text =~ /\G;/gc) {
            $directive->();
        } elsif ($text =~ /\G\{/gc) {
            my $block = [];
            my $raw = @words && $words[0] =~ /_by_lua_block$/;
            $directive->($block);
            if ($raw) {
                $text =~ /\G((?:[^{}]|\{(?1)\})*)\}/gc or die "$file:$at: its block has no end\n";
                $open[-1][-1]{raw} = $1;
            } else {
                push @open, $block;
            }
        } elsif ($text =~ /\G\}/gc) {
            die "$file:$line: unexpected \"}\"\n" if @open < 2 || @words;
            pop @open;
        } elsif ($text =~ /\G("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|(?:\\.|\$\{|[^\s;{\\])+)/gcs) {
            $at = $line unless @words;
            push @words, $1;
        } else {
            die "$file:$line: not a configuration of nginx\n";
        }
        $line = 1 + (substr($text, 0, pos $text) =~ tr/\n//);
    }
    die "$file: unexpected end\n" if @open > 1 || @words;
    return $open[0];
}


# a new tree; @above are the blocks around a directive, the innermost first
sub walk {
    my ($tree, $code, @above) = @_;
    return [ map {
        my $d = $_;
        map {
            $_->{block} && !defined $_->{raw}
                ? { %$_, block => walk($_->{block}, $code, $_, @above) } : $_
        } $code->($d, @above);
    } @$tree ];
}


sub text {
    my ($tree, $indent) = @_;
    $indent //= '';
    return join '', map {
        my $head = join ' ', $_->{name}, @{ $_->{args} };
        !$_->{block} ? "$indent$head;\n"
            : "$indent$head {\n" . ($_->{raw} // text($_->{block}, "$indent    ")) . "$indent}\n";
    } @$tree;
}


# the directives of that name which stand in this block itself
sub of { my ($block, $name) = @_; return grep { $_->{name} eq $name } @{ $block // [] } }

sub directive { my ($name, @args) = @_; return { name => $name, args => \@args, file => '', line => 0 } }

sub place { my ($d) = @_; return "$d->{file}:$d->{line}" }

# a word without its quotes
sub plain {
    my ($word) = @_;
    $word =~ s/\\(["'\\])/$1/g if $word =~ s/^(["'])(.*)\1$/$2/s;
    return $word;
}


1;
